"""XEP-0055: the directory, asked with fields and with a form."""

from collections.abc import AsyncIterator
from xml.etree.ElementTree import Element

import pytest

from clarion.core.search import PAGE_LIMIT
from clarion.wire.xmpp.forms import TAG, Form, parse_form
from clarion.wire.xmpp.result_set import TAG as SET
from clarion.xmpp.ext.search import NS, search
from fakes.household import DOMAIN, Client, Household, children_of, household

RSM = "http://jabber.org/protocol/rsm"


@pytest.fixture
async def house() -> AsyncIterator[Household]:
    async with household(search) as made:
        directory = made.services.directory
        await directory.change_person(f"ann@{DOMAIN}", name="Ann Lee", phone="+49 30 123456")
        await directory.change_person(f"bob@{DOMAIN}", name="Bob Lee")
        await directory.change_person(f"cai@{DOMAIN}", name="Cai Wu")
        await directory.add_department(f"sales@{DOMAIN}", "Sales")
        await directory.join(f"ann@{DOMAIN}", f"sales@{DOMAIN}", title="Head")
        yield made


async def query(client: Client, inner: str, kind: str = "set") -> Element:
    answer = await client.ask(kind, f"<query xmlns='{NS}'>{inner}</query>", DOMAIN)
    (found,) = children_of(answer)
    assert found.tag == f"{{{NS}}}query", answer
    return found


def submitted(**values: str) -> str:
    inner = "".join(
        f"<field var='{name.replace('_', '-')}'><value>{value}</value></field>"
        for name, value in values.items()
    )
    return (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
        f"<value>{NS}</value></field>{inner}</x>"
    )


def jids(found: Element) -> list[str]:
    return [one.get("jid", "").partition("@")[0] for one in found.findall(f"{{{NS}}}item")]


def form_of(found: Element) -> Form:
    element = found.find(TAG)
    assert element is not None
    return parse_form(element)


async def test_what_can_be_searched(house: Household):
    ann = await house.log_in("ann")
    told = await query(ann, "", "get")
    assert [child.tag.rpartition("}")[2] for child in told] == [
        "instructions", "first", "last", "nick", "email", "x",
    ]  # fmt: skip
    form = form_of(told)
    assert form.form_type == NS
    assert [one.name for one in form.fields] == [
        "FORM_TYPE", "x-text", "first", "last", "nick", "email", "x-department", "x-title",
        "x-phone",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<last>lee</last>", ["ann", "bob"]),
        ("<last>lee</last><first>b</first>", ["bob"]),
        ("<first>Lee</first>", ["ann", "bob"]),
        ("<nick>cai</nick>", ["cai"]),
        ("<email>bob@corp</email>", ["bob"]),
        ("<first>*</first>", ["ann", "bob", "cai"]),
        ("<first> cai* </first>", ["cai"]),
    ],
)
async def test_searching_with_fields(house: Household, inner: str, expected: list[str]):
    ann = await house.log_in("ann")
    assert jids(await query(ann, inner)) == expected


async def test_an_item_has_every_field(house: Household):
    ann = await house.log_in("ann")
    (item,) = (await query(ann, "<nick>ann</nick>")).findall(f"{{{NS}}}item")
    assert [(one.tag.rpartition("}")[2], one.text) for one in item] == [
        ("first", "Ann"), ("last", "Lee"), ("nick", "ann"), ("email", f"ann@{DOMAIN}"),
    ]  # fmt: skip


async def test_nobody_is_an_empty_answer(house: Household):
    ann = await house.log_in("ann")
    assert list(await query(ann, "<last>nobody</last>")) == []
    assert list(await query(ann, submitted(last="nobody"))) == []
    assert list(await query(ann, "<x xmlns='jabber:x:data' type='cancel'/>")) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"last": "lee"}, ["ann", "bob"]),
        ({"x_department": "sal"}, ["ann"]),
        ({"x_title": "head", "last": "lee"}, ["ann"]),
        ({"x_phone": "123 456"}, ["ann"]),
        ({"x_text": "wu"}, ["cai"]),
    ],
)
async def test_searching_with_the_form(
    house: Household, values: dict[str, str], expected: list[str]
):
    ann = await house.log_in("ann")
    found = form_of(await query(ann, submitted(**values)))
    assert [row[0].values[0].partition("@")[0] for row in found.items] == expected
    assert found.form_type == NS


async def test_a_row_of_the_form(house: Household):
    ann = await house.log_in("ann")
    form = form_of(await query(ann, submitted(nick="ann")))
    (row,) = form.items
    assert {one.name: one.values[0] for one in row} == {
        "jid": f"ann@{DOMAIN}",
        "first": "Ann",
        "last": "Lee",
        "nick": "ann",
        "email": f"ann@{DOMAIN}",
        "x-department": "Sales",
        "x-title": "Head",
        "x-phone": "+4930123456",
    }
    assert [one.name for one in form.reported] == [one.name for one in row]
    assert form.instructions == ()


@pytest.mark.parametrize(
    "inner", ["", "<last> </last>", submitted(), submitted(last=""), "<x-text>a</x-text>"]
)
async def test_something_must_be_sought(house: Household, inner: str):
    ann = await house.log_in("ann")
    answer = await ann.ask("set", f"<query xmlns='{NS}'>{inner}</query>", DOMAIN)
    assert b"<not-acceptable" in answer
    assert b"Fill in one or more fields" in answer


def rsm(inner: str) -> str:
    return f"<set xmlns='{RSM}'>{inner}</set>"


async def test_pages(house: Household):
    ann = await house.log_in("ann")
    everybody = "<first>*</first>"
    first = await query(ann, everybody + rsm("<max>2</max>"))
    assert jids(first) == ["ann", "bob"]
    page = first.find(SET)
    assert page is not None
    assert page.findtext(f"{{{RSM}}}count") == "3"
    last = page.findtext(f"{{{RSM}}}last")
    assert jids(await query(ann, everybody + rsm(f"<after>{last}</after>"))) == ["cai"]
    assert jids(await query(ann, everybody + rsm("<max>1</max><before/>"))) == ["cai"]
    before = rsm(f"<max>1</max><before>cai@{DOMAIN}</before>")
    assert jids(await query(ann, everybody + before)) == ["bob"]
    assert jids(await query(ann, everybody + rsm("<max>1</max><index>1</index>"))) == ["bob"]
    counted = await query(ann, everybody + rsm("<max>0</max>"))
    assert [child.tag for child in counted] == [SET]
    assert counted[0].findtext(f"{{{RSM}}}count") == "3"


@pytest.mark.parametrize("place", [f"eve@{DOMAIN}", "@@", "a b"])
async def test_a_page_behind_nobody(house: Household, place: str):
    ann = await house.log_in("ann")
    inner = f"<first>*</first>{rsm(f'<after>{place}</after>')}"
    answer = await ann.ask("set", f"<query xmlns='{NS}'>{inner}</query>", DOMAIN)
    assert b"<item-not-found" in answer


async def test_more_than_a_page_is_told_in_both_ways(house: Household):
    for number in range(PAGE_LIMIT):
        await house.services.directory.add_person(f"p{number:03d}@{DOMAIN}", name=f"P{number:03d}")
    ann = await house.log_in("ann")
    found = await query(ann, "<first>*</first>")
    assert len(jids(found)) == PAGE_LIMIT
    page = found.find(SET)
    assert page is not None
    assert page.findtext(f"{{{RSM}}}count") == str(PAGE_LIMIT + 3)
    (form,) = (await query(ann, submitted(x_text="*"))).findall(TAG)
    assert form.findtext("{jabber:x:data}instructions") == (
        f"{PAGE_LIMIT + 3} people fit; these are number 1 to {PAGE_LIMIT} by name."
    )
