"""XEP-0160: messages for people who are not here."""

import asyncio

import pytest

from clarion.core.ports import EntityId, Row, WriteOp
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.offline import offline
from fakes.household import DOMAIN, Client, household, settle

EXTENSIONS = (offline, delay)
BOB = f"bob@{DOMAIN}"
CHAT_STATE = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"


async def arrive(client: Client) -> list[str | None]:
    """Begin to take messages; returns the bodies of what waited."""
    await client.context.entity.catch_up(client.session)
    await settle()
    return [parse(raw, CLIENT).findtext(f"{{{CLIENT}}}body") for raw in client.line.take()]


def message(body: str, kind: str | None = "chat", to: str = BOB, inner: str = "") -> str:
    typed = "" if kind is None else f" type='{kind}'"
    text = f"<body>{body}</body>" if body else ""
    return f"<message to='{to}'{typed} id='m'>{text}{inner}</message>"


async def test_what_was_sent_to_nobody_waits_and_comes_in_order() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        for body in ("one", "two", "three"):
            assert await ann.say(message(body)) == []
        bob = await house.log_in("bob")
        assert await arrive(bob) == ["one", "two", "three"]
        assert await arrive(bob) == []


async def test_a_session_of_negative_priority_takes_nothing_that_waits() -> None:
    async with household(*EXTENSIONS) as house:
        ann, quiet = await house.log_in("ann"), await house.log_in("bob", "quiet", -1)
        await ann.say(message("hi"))
        assert await arrive(quiet) == []
        assert await arrive(await house.log_in("bob")) == ["hi"]


@pytest.mark.parametrize(
    ("raw", "waits"),
    [
        (message("hi", None), True),
        (message("hi", "normal"), True),
        (message("hi", "chat"), True),
        (message("hi", "chat", f"{BOB}/gone"), True),
        (message("hi", "unheard-of"), True),
        (message("", "chat", inner=CHAT_STATE), False),
        (message("hi", "headline"), False),
        (message("hi", "error"), False),
        (message("hi", "groupchat"), False),
    ],
)
async def test_which_types_wait(raw: str, waits: bool) -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await ann.say(raw)
        assert await arrive(await house.log_in("bob")) == (["hi"] if waits else [])


async def test_what_a_client_never_acknowledged_waits_for_the_next() -> None:
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await arrive(bob)
        await ann.say(message("hi"))
        entity = bob.context.entity
        del entity.sessions[bob.session.id]
        entity.reach.ended(bob.session.id)
        assert await arrive(await house.log_in("bob", "desk")) == ["hi"]


def test_the_server_says_that_it_keeps_messages() -> None:
    assert offline.card.features == ("msgoffline",)


async def test_what_is_being_committed_is_not_lost_to_who_logs_in_meanwhile() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        held: list[tuple[EntityId, WriteOp, asyncio.Future[list[Row]]]] = []

        def put(owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
            held.append((owner, op, asyncio.get_running_loop().create_future()))
            return held[-1][2]

        commit, house.database.put = house.database.put, put
        await ann.say("<message to='bob@corp.example' type='chat' id='m'><body>Hi</body></message>")
        bob = await house.log_in("bob")
        catching_up = asyncio.gather(bob.context.entity.catch_up(bob.session))
        await settle()
        assert bob.line.take() == []
        house.database.put = commit
        for owner, op, future in held:
            future.set_result(await commit(owner, op))
        await catching_up
        assert [b"Hi" in stanza for stanza in bob.line.take()] == [True]
