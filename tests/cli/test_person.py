"""``clarion person`` without a server: what it prints, and what it leaves in the database."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Person = Callable[..., Any]


def test_a_person_is_added_listed_and_shown(run: Run, person: Person, settings: Path):
    made = person(
        "add", "ann@corp.example", "--name", "Ann", "--phone", "+49 30 123456", "--admin",
        "--department", "Sales", "--title", "Head", "--manager", "--language", "de",
        "--time-zone", "Europe/Berlin", "--password-stdin", input="secret\n",
    )  # fmt: skip
    assert person("list") == [made]
    shown = person("show", "ann@corp.example")
    assert shown["password"] is True
    assert shown["departments"][0]["manager"] is True
    table = run("person", "list", "--config", settings).stdout.splitlines()
    assert table[0].split() == ["Address", "Name", "Departments", "Phone", "Notes"]
    assert table[1].split() == ["ann@corp.example", "Ann", "Sales", "+4930123456", "admin"]
    page = run("person", "show", "ann@corp.example", "--config", settings).stdout
    assert "Sales <sales@corp.example>, Head, manager" in page
    assert "secret" not in page


def test_an_offer_needs_a_server(run: Run, person: Person, settings: Path):
    for name in ("ann", "bob"):
        person("add", f"{name}@corp.example")
    offer = ("person", "offer", "ann@corp.example")
    refused = run(*offer, "bob@corp.example", "--config", settings)
    assert refused.exit_code == 1
    assert "only a running server sends one" in refused.stderr
    assert run(*offer, "--config", settings).exit_code == 2
    wrong = run(*offer, "bob@corp.example", "--action", "burn", "--config", settings)
    assert wrong.exit_code == 2


def test_what_people_read(run: Run, settings: Path):
    def said(*arguments: str) -> str:
        result = run("person", *arguments, "--config", settings)
        assert result.exit_code == 0
        return str(result.stdout)

    assert said("add", "Ann@corp.example") == "Added ann@corp.example.\n"
    assert said("set", "ann@corp.example", "--name", "A") == "Changed ann@corp.example.\n"
    assert said("disable", "ann@corp.example") == "Disabled ann@corp.example.\n"
    assert said("list", "--search", "ann").split()[-1] == "disabled"
    assert said("enable", "ann@corp.example") == "Enabled ann@corp.example.\n"
    password = said("app-password", "ann@corp.example", "phone")
    assert password.count("-") == 4
    assert "phone" in said("show", "ann@corp.example")
    assert said("app-password", "ann@corp.example", "phone", "--remove") == "Removed.\n"


def test_set_changes_only_what_is_given(person: Person):
    person("add", "ann@corp.example", "--phone", "+4930123456", "--admin")
    changed = person("set", "ann@corp.example", "--name", "Ann", "--no-admin")
    assert (changed["name"], changed["phone"], changed["admin"]) == ("Ann", "+4930123456", False)
    assert person("set", "ann@corp.example", "--phone", "")["phone"] is None


def test_a_refusal_is_one_line_and_1(run: Run, person: Person, settings: Path):
    person("add", "ann@corp.example")
    result = run("person", "add", "ann@corp.example", "--config", settings)
    assert result.exit_code == 1
    assert result.stdout == ""
    text = "clarion: ann@corp.example: there is a person with this address already\n"
    assert result.stderr == text


def test_a_password_is_asked_for_and_not_there(run: Run, settings: Path):
    result = run(
        "person", "add", "ann@corp.example", "--password-stdin", "--config", settings, input=""
    )
    assert result.exit_code == 2
    assert "there is no password on standard input" in result.stderr


def test_a_database_that_cannot_be_opened_is_2(run: Run, settings: Path):
    (settings.parent / "data").mkdir()
    database = settings.parent / "data" / "clarion.db"
    database.write_text("this is not a database")
    result = run("person", "list", "--config", settings)
    assert result.exit_code == 2
    assert result.stderr == f"clarion: {database} is not a database; nothing was changed\n"


def test_control_characters_do_not_reach_the_terminal(run: Run, person: Person, settings: Path):
    person("add", "ann@corp.example", "--name", "[bold]A\u200b\u202eB")
    assert "[bold]A\\u200b\\u202eB" in run("person", "list", "--config", settings).stdout


CSV = """\
phone;Name;address;password;Department;manager
;Ann;ann@corp.example;secret;Sales;yes

+49 30 123456;"Bob
the second";BOB@corp.example;;Sales;
"""


def test_people_are_imported_from_csv(run: Run, person: Person, settings: Path):
    file = settings.parent / "people.csv"
    file.write_text("\ufeff" + CSV)
    result = run("person", "import", file, "--config", settings)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "Added 2, changed 0 people.",
        "Made departments: sales@corp.example",
    ]
    assert [one["name"] for one in person("list")] == ["Ann", "Bob the second"]
    assert person("show", "ann@corp.example")["password"] is True
    assert person("import", file, "--update")["changed"] == 2


def test_every_error_of_a_file_is_told_in_order_and_nothing_is_done(
    run: Run, person: Person, settings: Path
):
    file = settings.parent / "people.csv"
    file.write_text("address,phone\nann@corp.example,1\nbob@corp.example,,,\ncai,\n")
    result = run("person", "import", file, "--config", settings)
    assert result.exit_code == 1
    assert [line[:16] for line in result.stderr.splitlines()] == [
        "clarion: line 2:",
        "clarion: line 3:",
        "clarion: line 4:",
    ]
    assert person("list") == []


def test_people_are_imported_from_vcards(run: Run, person: Person, settings: Path):
    file = settings.parent / "people.vcf"
    file.write_text(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEMAIL:ann@corp.example\r\nEND:VCARD\r\n"
    )
    assert person("import", file)["added"] == 1
    assert person("show", "ann@corp.example")["name"] == "Ann"


@pytest.mark.parametrize("data", [b"address\nann\xff@corp.example\n", "address".encode("utf-16")])
def test_another_encoding_is_refused(run: Run, settings: Path, data: bytes):
    file = settings.parent / "people.csv"
    file.write_bytes(data)
    result = run("person", "import", file, "--config", settings)
    assert result.exit_code == 1
    assert "is not UTF-8; save people.csv as UTF-8" in result.stderr


def test_an_invitation_is_shown_once_listed_and_withdrawn(run: Run, person: Person, settings: Path):
    result = run("person", "invite", "bob@corp.example", "--days", "2", "--config", settings)
    assert result.exit_code == 0
    assert result.stdout.startswith("xmpp:bob@corp.example?register;preauth=")
    assert "Holds until" in result.stderr
    token = result.stdout.strip().partition("preauth=")[2]
    (listed,) = person("invitations")
    assert token not in str(listed)
    table = run("person", "invitations", "--config", settings).stdout
    assert "bob@corp.example" in table
    taken = run("person", "add", "bob@corp.example", "--config", settings)
    assert taken.exit_code == 1
    assert "kept for somebody who is invited" in taken.stderr
    gone = run("person", "invitations", "--withdraw", listed["id"], "--config", settings)
    assert gone.stdout == f"Withdrew {listed['id']}.\n"
    assert person("invitations") == []
    again = run("person", "invitations", "--withdraw", listed["id"], "--config", settings)
    assert again.exit_code == 1
    assert run("person", "invite", "--days", "91", "--config", settings).exit_code == 2


def test_where_a_client_is_told_of_what_waits_is_shown(run: Run, person: Person, settings: Path):
    person("add", "ann@corp.example")
    with closing(sqlite3.connect(settings.parent / "data" / "clarion.db")) as database:
        database.execute(
            "INSERT INTO push_device SELECT number, 'push.example', 'n\u202e1', x'68757368', 10.0,"
            " 'item-not-found', 20.0 FROM person"
        )
        database.commit()
    page = run("person", "show", "ann@corp.example", "--config", settings).stdout
    assert "push.example" in page
    assert "n\\u202e1" in page
    assert "given up on" in page
    assert "hush" not in page
    assert person("show", "ann@corp.example")["push"][0]["error"] == "item-not-found"
