"""What people on line are told when their departments change; and, at random, that all is told."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import UnavailableError
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.roster import CHANGES_PUSHED
from clarion.xmpp.roster_book import TEAMS_TOLD
from fakes.acquaintances import GET, Acquaintances, acquaintances, in_short
from fakes.household import DOMAIN, Client, settle

NAMES = ("ann", "bob", "cai")
ROSTER = "{jabber:iq:roster}"


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def department(here: Acquaintances, name: str, *people: str) -> None:
    directory = here.services.directory
    if directory.department(address(name)) is None:
        await directory.add_department(address(name), name.capitalize())
    for person in people:
        await directory.join(address(person), address(name))
    await settle()


async def leave(here: Acquaintances, name: str, *people: str) -> None:
    for person in people:
        await here.services.directory.leave(address(person), address(name))
    await settle()


async def crowd(here: Acquaintances, count: int) -> None:
    """Fill the department "crowd" with Ann and so many others."""
    await department(here, "crowd", "ann")
    for number in range(count):
        await here.services.directory.add_person(address(f"p{number:03}"))
        await here.services.directory.join(address(f"p{number:03}"), address("crowd"))
    await settle()


def heard(client: Client) -> list[str]:
    return [text.replace("token", "") for text in in_short(client.line.take())]


def contents(raw: bytes) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Return the items of a result or push: name, subscription and groups by address."""
    query = parse(raw, CLIENT).find(f"{ROSTER}query")
    assert query is not None
    return {
        item.get("jid", ""): (
            item.get("name", ""),
            item.get("subscription", ""),
            tuple(group.text or "" for group in item),
        )
        for item in query
    }


def version(raw: bytes) -> str:
    query = parse(raw, CLIENT).find(f"{ROSTER}query")
    assert query is not None
    return query.get("ver", "")


async def test_who_is_in_several_departments_is_one_contact_in_several_groups():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        await department(here, "board", "ann", "bob")
        ann = await here.client("ann")
        bob = await here.client("bob")
        assert contents(await ann.ask("get", GET)) == {
            address("bob"): ("bob", "both", ("Board", "Sales"))
        }
        here.quiet()
        await leave(here, "sales", "bob")
        assert [text.partition(": ")[2] for text in heard(ann)] == ["bob both name=bob in=Board"]
        assert "unavailable" not in str(heard(bob))  # they see each other still


async def test_presence_goes_once_to_who_is_contact_and_colleague_twice():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        await department(here, "sales", "ann", "bob")
        await department(here, "board", "ann", "bob", "cai")
        bob, cai = await here.client("bob"), await here.client("cai")
        ann = await here.client("ann", available=False)
        here.quiet()
        came = in_short(await ann.say("<presence/>"))
        assert sorted(came) == [
            "available ann/phone>ann",
            "available bob/phone>ann/phone",
            "available cai/phone>ann/phone",
        ]
        assert heard(bob) == ["available ann/phone>bob"]
        assert heard(cai) == ["available ann/phone>cai"]
        await leave(here, "sales", "ann", "bob")
        await leave(here, "board", "bob")
        here.quiet()
        await ann.say("<presence><show>away</show></presence>")
        assert heard(bob) == ["available ann/phone>bob"]  # they are contacts of their own still
        here.quiet()
        await here.hang_up(ann)
        assert heard(cai) == ["unavailable ann/phone>cai"]


async def test_all_pushes_but_the_last_carry_the_version_from_before():
    async with acquaintances() as here:
        ann = await here.client("ann")
        before = version(await ann.ask("get", GET))
        await department(here, "sales", "bob", "cai")
        assert heard(ann) == []
        await here.services.directory.join(address("ann"), address("sales"))
        await settle()
        pushes = ann.line.take()
        now = version(await ann.ask("get", GET))
        assert [version(raw) for raw in pushes] == [before, now]
        assert now.startswith("0-")


async def test_one_who_joins_costs_the_others_one_push():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        await department(here, "sales", "cai")
        assert len(heard(ann)) == 1
        await here.services.directory.join(address("cai"), address("sales"), title="Head")
        await settle()
        assert heard(ann) == []


async def test_sessions_that_did_not_ask_for_the_roster_are_told_presence_only():
    async with acquaintances() as here:
        ann = await here.client("ann", interested=False)
        bob = await here.client("bob", interested=False)
        await department(here, "sales", "ann", "bob")
        assert heard(ann) == ["available bob/phone>ann"]
        assert heard(bob) == ["available ann/phone>bob"]


async def test_many_changes_in_one_turn_are_told_together():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        directory = here.services.directory
        for name in ("A", "B", "bob", "C"):
            await directory.change_person(address("bob"), name=name)
        await settle()
        told = heard(ann)
        assert told[-1].endswith(": bob both name=C in=Sales")
        assert len(told) <= 4


async def test_a_roster_that_cannot_be_read_hinders_no_other():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann, bob = await here.client("ann"), await here.client("bob")
        change = here.services.rosters.change
        failing = {address("ann")}

        def sometimes(person):
            if person.address in failing:
                raise UnavailableError("the disk is gone")
            return change(person)

        here.services.rosters.change = sometimes
        await here.services.directory.change_person(address("cai"), name="C")
        await department(here, "sales", "cai")
        assert heard(ann) == []
        assert [text.partition(": ")[2] for text in heard(bob)] == ["cai both name=C in=Sales"]
        failing.clear()
        await department(here, "sales", "ann")
        await here.services.directory.change_person(address("cai"), name="Cc")
        await settle()
        assert [text.partition(": ")[2] for text in heard(ann)] == ["cai both name=Cc in=Sales"]


# -- versions (RFC 6121 section 2.6) ---------------------------------------------------


def known(text: str) -> str:
    return f"<query xmlns='jabber:iq:roster' ver='{text}'/>"


async def test_who_knows_an_older_state_gets_the_difference_and_own_changes():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        old = version(await ann.ask("get", GET))
        await ann.ask(
            "set", f"<query xmlns='jabber:iq:roster'><item jid='{address('x')}'/></query>"
        )
        await department(here, "sales", "cai")
        now = version(await ann.ask("get", GET))
        came = await ann.ask_all("get", known(old))
        assert [text.partition(": ")[2] for text in in_short(came)] == [
            "",
            "x none",
            "cai both name=cai in=Sales",
        ]
        assert [version(raw) for raw in came[1:]] == [old, now]
        assert in_short(await ann.ask_all("get", known(now))) == ["result"]


async def test_a_change_of_ones_own_name_is_no_change_of_ones_roster():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        old = version(await ann.ask("get", GET))
        await here.services.directory.change_person(address("ann"), name="Ann Archer")
        await settle()
        assert heard(ann) == []
        assert in_short(await ann.ask_all("get", known(old))) == ["result"]


async def test_a_new_department_is_a_difference_while_it_is_small():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await crowd(here, CHANGES_PUSHED)
        here.quiet()
        assert len(await ann.ask_all("get", known("0"))) == 1 + CHANGES_PUSHED
        await here.services.directory.join(address("bob"), address("crowd"))
        await settle()
        here.quiet()
        (whole,) = await ann.ask_all("get", known("0"))
        assert len(contents(whole)) == CHANGES_PUSHED + 1


@pytest.mark.parametrize(
    "change",
    [
        lambda ver: ver.rpartition("-")[0] + "-99.0123456789ab",  # a department of others
        lambda ver: ver[:-1] + ("0" if ver[-1] != "0" else "1"),  # a state that never was
        lambda ver: ver + "-",
        lambda ver: ver.replace(".", ""),
        lambda ver: "9" + ver,  # from the future
        lambda ver: ver + "-1.ab" * 20,
    ],
)
async def test_a_version_that_nobody_knows_asks_for_everything(change):
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        ver = version(await ann.ask("get", GET))
        (whole,) = await ann.ask_all("get", known(change(ver)))
        assert set(contents(whole)) == {address("bob")}


async def test_who_left_a_department_meanwhile_gets_everything():
    async with acquaintances() as here:
        await department(here, "sales", "ann", "bob")
        ann = await here.client("ann")
        ver = version(await ann.ask("get", GET))
        await leave(here, "sales", "ann")
        here.quiet()
        (whole,) = await ann.ask_all("get", known(ver))
        assert contents(whole) == {}
        assert version(whole) == "0"


async def test_many_departments_have_one_digest_in_the_version():
    async with acquaintances() as here:
        for number in range(TEAMS_TOLD + 1):
            await department(here, f"d{number}", "ann", "bob")
        ann = await here.client("ann")
        ver = version(await ann.ask("get", GET))
        assert ver.startswith("0-0.")
        assert ver.count("-") == 1
        assert in_short(await ann.ask_all("get", known(ver))) == ["result"]
        await leave(here, "d3", "bob")
        here.quiet()
        (whole,) = await ann.ask_all("get", known(ver))
        assert len(contents(whole)[address("bob")][2]) == TEAMS_TOLD


# -- whatever happens --------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "leave", "name", "title", "disable", "enable", "own", "drop", "away", "here"]
        ),
        st.sampled_from(NAMES),
        st.sampled_from(["sales", "board"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.integers(0, 2))
async def test_a_client_that_follows_knows_what_one_that_asks_again_is_told(
    steps: list[tuple[str, str, str]], size: int
):
    """Pushes bring every client to the roster, and presence, that it would have from the start."""
    async with acquaintances(roster_size=size + 1) as here:
        directory, names = here.services.directory, random.Random(size)
        for name in ("sales", "board"):
            await directory.add_department(address(name), name.capitalize())
        ann = await here.client("ann")
        first = await ann.ask("get", GET)
        roster, ver, seen = contents(first), version(first), set[str]()
        others = {name: await here.client(name) for name in NAMES[1:]}
        for act, name, where in steps:
            if act == "join":
                await directory.join(address(name), address(where))
            elif act == "leave":
                await directory.leave(address(name), address(where))
            elif act == "name":
                await directory.change_person(address(name), name=f"N{names.random()}")
            elif act == "title":
                await directory.rename_department(address(where), f"D{names.random()}")
            elif act in {"disable", "enable"} and name != "ann":
                if act == "disable":
                    await directory.disable(address(name))
                    if name in others:
                        await here.hang_up(others.pop(name))
                else:
                    await directory.enable(address(name))
            elif act in {"own", "drop"} and name != "ann":
                rest = "name='Own'" if act == "own" else "subscription='remove'"
                item = f"<item jid='{address(name)}' {rest}><group>Mine</group></item>"
                await _tell(
                    ann, f"<iq type='set' id='s'><query xmlns='{ROSTER[1:-1]}'>{item}</query></iq>"
                )
            elif act in {"away", "here"} and name in others:
                kind = "type='unavailable'" if act == "away" else ""
                await others[name].say(f"<presence {kind}/>")
            await settle()
            for raw in ann.line.take():
                tree = parse(raw, CLIENT)
                if tree.tag.endswith("presence") and tree.get("from") != f"{address('ann')}/phone":
                    (seen.discard if tree.get("type") else seen.add)(tree.get("from", ""))
                elif tree.find(f"{ROSTER}query") is not None and tree.get("type") == "set":
                    ver = version(raw)
                    for contact, item in contents(raw).items():
                        if item[1] == "remove":
                            roster.pop(contact, None)
                        else:
                            roster[contact] = item
        desk = await here.client("ann", "desk", interested=False, available=False)
        whole = await desk.ask("get", GET)
        assert contents(whole) == roster
        for raw in await desk.ask_all("get", known(ver)):
            assert parse(raw, CLIENT).find(f"{ROSTER}query") is None  # nothing was missed
        came = await desk.say("<presence/>")
        now = {parse(raw, CLIENT).get("from") for raw in came} - {
            f"{address('ann')}/{resource}" for resource in ("phone", "desk")
        }
        assert now == seen


async def _tell(client: Client, raw: str) -> None:
    """Send a stanza and leave what comes where it is."""
    before = client.line.take()
    client.line.written = before + await client.say(raw)
