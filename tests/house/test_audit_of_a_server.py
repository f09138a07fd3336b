"""The audit log of a running server: every way to act is in it, and a cut tail is noticed."""

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clarion.lib.crashpoint import VARIABLE
from house.premises import EndedError, Premises, address, clarion
from house.raw_client import RefusedError

ADMIN = "http://jabber.org/protocol/admin#"
CLI = f"cli:{os.getuid()}"


def audit(house: Premises, *arguments: str) -> Any:
    return clarion("audit", *arguments, "--config", str(house.config))


def entries(house: Premises) -> list[tuple[str, str, str, Any]]:
    done = audit(house, "list", "--json", "--limit", "1000")
    assert done.returncode == 0, done.stderr
    return [
        (row["actor"], row["verb"], row["target"], json.loads(row["details"]))
        for row in json.loads(done.stdout)
    ]


def log_file(house: Premises) -> str:
    path = house.folder / "server.log"
    path.write_text("\n".join((*house.past, *house.lines)))
    return str(path)


def test_every_way_to_act_leaves_its_entry(empty: Premises, tmp_path: Path):
    house = empty
    house.furnish(limits="login_failures_person = 2\nlogin_attempts = 5")
    house.start()
    house.add_people("ann", "bob")
    assert clarion(
        "person", "set", address("ann"), "--admin", "--name", "Ann", "--config", str(house.config)
    ).returncode == 0  # fmt: skip
    with house.client("ann") as ann:
        asked = ann.iq(
            "set",
            f"<command xmlns='http://jabber.org/protocol/commands' node='{ADMIN}disable-user'/>",
            to="house.example",
        )
        session = asked[0].get("sessionid")
        ann.iq(
            "set",
            "<command xmlns='http://jabber.org/protocol/commands' action='complete'"
            f" node='{ADMIN}disable-user' sessionid='{session}'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            "<value>http://jabber.org/protocol/admin</value></field><field var='accountjids'>"
            f"<value>{address('bob')}</value></field></x></command>",
            to="house.example",
        )
    house.secrets.add("guessed-password")
    for _ in range(3):
        with house.connect("plain") as client, pytest.raises(RefusedError):
            client.log_in("ann", "guessed-password")
    text = house.config.read_text()
    house.config.write_text(text + "[retention]\nmessages = 10\n")
    assert house.process is not None
    house.process.send_signal(signal.SIGHUP)
    house.saw(lambda line: line.get("event") == "reloaded")
    house.config.write_text(text)
    assert clarion("reload", "--config", str(house.config)).returncode == 0
    backup = tmp_path / "b.db"
    assert clarion("backup", str(backup), "--config", str(house.config)).returncode == 0
    assert house.stop() == 0  # which tells of log-ins that failed
    assert (
        clarion("person", "enable", address("bob"), "--config", str(house.config)).returncode == 0
    )

    found = entries(house)
    assert found[:3] == [
        (CLI, "person.add", address("ann"), {"given": ["password"]}),
        (CLI, "person.add", address("bob"), {"given": ["password"]}),
        (CLI, "person.set", address("ann"), {"admin": True, "given": ["name"]}),
    ]
    assert found[3] == (address("ann"), "person.disable", address("bob"), {})
    reloads = [one for one in found if one[1] == "reload"]
    assert [(one[0], one[3]["changed"]) for one in reloads] == [
        ("server", ["retention.messages"]),
        (CLI, ["retention.messages"]),
    ]
    assert reloads[0][3]["signal"] == "SIGHUP"
    assert (CLI, "backup", str(backup)) in [one[:3] for one in found]
    (slowed,) = [one for one in found if one[1] == "login.slowed"]
    assert slowed[2] == address("ann")
    assert slowed[3]["networks"] == ["127.0.0.1"]
    assert found[-1] == (CLI, "person.enable", address("bob"), {})
    done = audit(house, "verify", "--log", log_file(house))
    assert done.returncode == 0, done.stdout
    assert "The chain is whole" in done.stdout


def test_a_cut_tail_and_a_chain_made_anew_are_noticed(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob", "cai")
    assert house.stop() == 0
    heads = [line["head"] for line in house.events("audit head")]
    assert heads[0] == "0:"
    assert heads[-1].startswith("3:")
    with closing(sqlite3.connect(house.database)) as database:
        with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
            database.execute("DELETE FROM audit WHERE number = 3")
        database.execute("DROP TRIGGER audit_is_not_deleted")
        database.execute("DELETE FROM audit WHERE number = 3")
        database.commit()
    assert audit(house, "verify").returncode == 0
    done = audit(house, "verify", "--log", log_file(house))
    assert done.returncode == 1
    assert "1 entry is missing at the end: the log ends with 2, and 3 was written" in done.stdout
    # What is done next takes the number of what was cut off.
    assert (
        clarion("person", "disable", address("cai"), "--config", str(house.config)).returncode == 0
    )
    done = audit(house, "verify", "--log", log_file(house))
    assert done.returncode == 1
    assert "entry 3 is not the one that was written down as the head" in done.stdout


@pytest.mark.parametrize("armed", ["before-commit:3", "before-commit:4", "after-commit:4"])
def test_after_a_crash_the_act_and_its_entry_are_both_there_or_neither(empty: Premises, armed: str):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann")
    assert house.stop() == 0
    house.start({VARIABLE: armed})
    for number in range(5):
        done = clarion("person", "set", address("ann"), "--name", f"n{number}",
                       "--config", str(house.config))  # fmt: skip
        if done.returncode:
            break
    with pytest.raises(EndedError):
        house.saw(lambda line: False)
    assert house.ended() == -signal.SIGKILL
    sets = house.rows("SELECT count(*) FROM audit WHERE verb = 'person.set'")[0][0]
    ((name,),) = house.rows("SELECT name FROM person")
    # Each act changes the name once, with its entry.
    assert name == ("ann" if sets == 0 else f"n{sets - 1}")
    assert audit(house, "verify").returncode == 0


def test_the_audit_log_is_read_beside_a_busy_server(house: Premises):
    async def ask(number: int) -> None:
        await asyncio.to_thread(house.ask, "person.set", address=address("ann"), name=f"n{number}")

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(ask(number))

    asyncio.run(all_of_them())
    done = audit(house, "verify", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["entries"] >= 20
