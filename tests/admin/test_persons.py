"""The verbs about persons: what they change, and that a refusal changes nothing."""

import hmac

import pytest

from clarion.core.tokens import Token
from clarion.lib.errors import DeniedError, UsageError
from clarion.wire.xmpp.stamps import utc
from fakes.organisation import Organisation

ANN = "ann@corp.example"


async def test_a_person_is_added_with_everything(house: Organisation):
    record = await house.do(
        "person.add",
        address="Ann@corp.example",
        name="Ann",
        phone="+49 30 123456",
        language="de",
        time_zone="Europe/Berlin",
        admin=True,
        password="secret",
        department="Sales & Support",
        title="Head",
        manager=True,
    )
    department = {
        "address": "sales-support@corp.example",
        "name": "Sales & Support",
        "title": "Head",
        "manager": True,
    }
    assert record == {
        "address": ANN,
        "name": "Ann",
        "phone": "+4930123456",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "admin": True,
        "disabled": False,
        "departments": [department],
    }
    assert (await house.identity.check_plain(ANN, "secret")).address == ANN


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "030"},
        {"language": "german!"},
        {"time_zone": "Berlin"},
        {"password": ""},
        {"title": "Head"},
        {"manager": True},
        {"title": "x" * 300, "department": "Sales"},
        {"department": "a@other.example"},
        {"department": "Ann"},
        {"department": "//"},
        {"colour": "blue"},
        {"name": 7},
    ],
)
async def test_what_cannot_be_added_leaves_nothing_behind(
    house: Organisation, wrong: dict[str, object]
):
    before = len(house.database.writes)
    with pytest.raises(UsageError):
        await house.do("person.add", **{"address": ANN, **wrong})
    assert len(house.database.writes) == before


async def test_a_department_is_found_by_address_and_by_name(house: Organisation):
    await house.directory.add_department("sales@corp.example", "Sales Europe")
    for number, text in enumerate(("SALES@corp.example", "sales europe", " Sales  Europe ")):
        record = await house.do("person.add", address=f"p{number}@corp.example", department=text)
        assert record["departments"][0]["address"] == "sales@corp.example"
    assert len(house.directory.departments()) == 1
    await house.directory.add_department("sales2@corp.example", "Sales Europe")
    with pytest.raises(UsageError, match=r"write which: sales2@corp.example, sales@corp.example"):
        await house.do("person.add", address=ANN, department="Sales Europe")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Vertrieb Süd", "vertrieb-sud@corp.example"),
        ("R&D", "r-d@corp.example"),
        ("销售部", "销售部@corp.example"),
        ("がんばる", "がんばる@corp.example"),
        ("a@corp.example", "a@corp.example"),
    ],
)
async def test_a_new_department_gets_an_address(house: Organisation, name: str, address: str):
    record = await house.do("person.add", address=ANN, department=name)
    assert record["departments"][0]["address"] == address


async def test_list_shows_all_some_or_those_of_a_department(house: Organisation):
    await house.do("person.add", address=ANN, name="Ann Smith", department="Sales")
    await house.do("person.add", address="bob@corp.example", name="Bob")
    await house.do("person.disable", address="bob@corp.example")

    async def listed(**arguments: str) -> list[str]:
        return [person["name"] for person in await house.do("person.list", **arguments)]

    assert await listed() == ["Ann Smith", "Bob"]
    assert await listed(search="SMITH") == ["Ann Smith"]
    assert await listed(search="bob@") == ["Bob"]
    assert await listed(department="sales") == ["Ann Smith"]
    with pytest.raises(UsageError, match="no such department"):
        await listed(department="nowhere")


async def test_show_tells_passwords_and_managers(house: Organisation):
    await house.do("person.add", address=ANN, department="Sales", manager=True)
    await house.do("person.add", address="bob@corp.example", department="Sales", password="x")
    made = await house.do("person.app_password.add", address="bob@corp.example", label="phone")
    shown = await house.do("person.show", address="bob@corp.example")
    assert shown["managers"] == [ANN]
    assert shown["password"] is True
    assert shown["app_passwords"] == ["phone"]
    assert made["password"] not in str(shown)


async def test_show_tells_which_clients_stay_logged_in(house: Organisation):
    await house.do("person.add", address=ANN, password="x")
    person = house.directory.person(ANN)
    assert person is not None
    blank = Token(person.number, "c1", 0, "HT-SHA-256-NONE", b"", "", 0.0, 0.0, software="Awesome")
    given = house.tokens.issue(blank, house.tokens.changes(ANN))
    assert given is not None
    # A token that was never used may never have arrived.
    assert (await house.do("person.show", address=ANN))["clients"] == []
    proof = hmac.digest(given[0].encode(), b"Initiator", "sha256")
    await house.tokens.check(ANN, "c1", "HT-SHA-256-NONE", proof, b"", None)
    shown = await house.do("person.show", address=ANN)
    assert shown["clients"] == [
        {"software": "Awesome", "device": "", "app_password": "", "until": utc(given[1])}
    ]
    assert given[0] not in str(shown)


async def test_set_changes_what_is_given(house: Organisation):
    await house.do("person.add", address=ANN, phone="+4930123456", department="Sales", title="Head")
    record = await house.do("person.set", address=ANN, name="Ann", phone="", admin=True)
    assert (record["name"], record["phone"], record["admin"]) == ("Ann", None, True)
    record = await house.do("person.set", address=ANN, department="Sales", manager=True)
    assert record["departments"][0]["title"] == "Head"
    assert record["departments"][0]["manager"] is True
    record = await house.do("person.set", address=ANN, leave="Sales", department="Support")
    assert [one["name"] for one in record["departments"]] == ["Support"]
    await house.do("person.set", address=ANN, password="new")
    assert (await house.identity.check_plain(ANN, "new")).name == "Ann"


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "1"},
        {"password": "\x00"},
        {"leave": "nowhere"},
        {"title": "x"},
        {"department": "//"},
        {"department": ANN},
    ],
)
async def test_a_set_that_is_refused_changes_nothing(house: Organisation, wrong: dict[str, str]):
    await house.do("person.add", address=ANN, name="Ann")
    before = len(house.database.writes)
    with pytest.raises(UsageError):
        await house.do("person.set", **{"address": ANN, "name": "Other", **wrong})
    assert len(house.database.writes) == before


async def test_disable_and_enable(house: Organisation):
    await house.do("person.add", address=ANN, password="secret")
    assert (await house.do("person.disable", address=ANN))["disabled"] is True
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, "secret")
    assert (await house.do("person.enable", address=ANN))["disabled"] is False
    assert await house.identity.check_plain(ANN, "secret")


async def test_passwords_are_set_and_taken_away(house: Organisation):
    await house.do("person.add", address=ANN)
    await house.do("person.password", address=ANN, password="secret")
    made = await house.do("person.app_password.add", address=ANN, label="phone")
    assert await house.identity.check_plain(ANN, made["password"])
    await house.do("person.app_password.remove", address=ANN, label="phone")
    await house.do("person.password", address=ANN, password=None)
    for password in ("secret", made["password"]):
        with pytest.raises(DeniedError):
            await house.identity.check_plain(ANN, password)
    with pytest.raises(UsageError, match="label: missing"):
        await house.do("person.app_password.remove", address=ANN, label="")


async def test_an_unknown_verb_is_refused(house: Organisation):
    with pytest.raises(UsageError, match=r"person\.eat: there is no such verb"):
        await house.do("person.eat")
