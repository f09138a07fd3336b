"""XEP-0441: what a person wants archived."""

import pytest

from clarion.core.preferences import JIDS_LIMIT, Policy, Preferences
from clarion.lib.errors import UnavailableError
from clarion.xmpp.archive_request import NS
from clarion.xmpp.ext.archive import archive
from clarion.xmpp.ext.archive_preferences import archive_preferences
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, children_of, household

EXTENSIONS = (archive, archive_preferences, delay, stanza_ids)
ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"
GET = f"<prefs xmlns='{NS}'/>"


def prefs(default: str, always: tuple[str, ...] = (), never: tuple[str, ...] = ()) -> str:
    lists = "".join(
        f"<{name}>{''.join(f'<jid>{jid}</jid>' for jid in jids)}</{name}>"
        for name, jids in (("always", always), ("never", never))
    )
    return f"<prefs xmlns='{NS}' default='{default}'>{lists}</prefs>"


def read(answer: bytes) -> tuple[str | None, list[str | None], list[str | None]]:
    (told,) = children_of(answer)
    assert [child.tag for child in told] == [f"{{{NS}}}always", f"{{{NS}}}never"]
    always, never = ([jid.text for jid in listed] for listed in told)
    return told.get("default"), always, never


async def test_everything_is_archived_until_somebody_chooses() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        assert read(await ann.ask("get", GET)) == ("always", [], [])


async def test_what_was_chosen_holds_and_is_told() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        chosen = prefs("roster", (f"{CAI.upper()}/Desk", BOB, BOB), ("c.example",))
        expected = ("roster", [BOB, f"{CAI}/Desk"], ["c.example"])
        assert read(await ann.ask("set", chosen)) == expected
        assert read(await ann.ask("get", GET, ANN)) == expected
        person = house.person("ann").number
        assert house.services.preferences.of(person) == Preferences(
            Policy.ROSTER, frozenset({BOB, f"{CAI}/Desk"}), frozenset({"c.example"})
        )
        # Without lists they are empty (section 2.1.2).
        lone = f"<prefs xmlns='{NS}' default='always'/>"
        assert read(await ann.ask("set", lone)) == ("always", [], [])
        assert house.services.preferences.of(person) is None


async def test_others_have_their_own() -> None:
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.ask("set", prefs("never"))
        assert read(await bob.ask("get", GET)) == ("always", [], [])
        for kind, payload in (("get", GET), ("set", prefs("never"))):
            assert b"<forbidden" in await bob.ask(kind, payload, ANN)


@pytest.mark.parametrize(
    ("payload", "condition"),
    [
        (GET, b"bad-request"),
        (prefs("sometimes"), b"bad-request"),
        (prefs("never", ("@",)), b"jid-malformed"),
        (prefs("never", never=("",)), b"jid-malformed"),
        (prefs("never", tuple(f"a{n}@x" for n in range(JIDS_LIMIT + 1))), b"not-acceptable"),
        (prefs("never", tuple(f"a{n}@x/{'r' * 1000}" for n in range(40))), b"not-acceptable"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    payload: str, condition: bytes
) -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await ann.ask("set", prefs("roster", (BOB,)))
        assert b"<" + condition in await ann.ask("set", payload)
        assert read(await ann.ask("get", GET)) == ("roster", [BOB], [])


async def test_a_store_that_cannot_keep_them_is_told() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        house.database.fail_next(UnavailableError("the store is full"))
        assert b"<resource-constraint" in await ann.ask("set", prefs("never"))
        assert read(await ann.ask("get", GET)) == ("always", [], [])
