"""What a client asked for while it logged in with SASL2, done before it is told that it is in.

In the order of XEP-0386 section 3.2: a session is resumed (XEP-0198 section
9.2); else a resource is bound, and what the client wants is on from the
start. With either comes a token for the next time (XEP-0484).
"""

import hashlib
from typing import Final

from clarion.core.model import Person
from clarion.core.tokens import UNUSED, Token
from clarion.lib.errors import ClarionError
from clarion.lib.ids import SIZE_BYTES, ItemId
from clarion.wire.sasl import SaslCondition, offered_ht
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamError
from clarion.wire.xmpp.jid import JidError, prepare_resource
from clarion.wire.xmpp.sasl2 import BindWish, Wishes, bound
from clarion.wire.xmpp.sasl2 import token as written_token
from clarion.wire.xmpp.stamps import utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream import ServerStream
from clarion.xmpp.archive_answer import metadata_answer
from clarion.xmpp.context import Context
from clarion.xmpp.entering import Entering
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.login import LogIn
from clarion.xmpp.session import Token as Unacknowledged
from clarion.xmpp.ways import DoorWays

STABLE_CHARACTERS: Final = 12
"""Hexadecimal digits of a resource behind its tag: 48 bits among the clients of one person."""


async def resumption(
    connection: Entering, ways: DoorWays, person: Person, element: Stanza
) -> Context | None:
    """Give a session to a new connection; ``None``: it is not there, or the connection is over."""
    previous = element.attributes.get("previd", "")
    ways.lifecycle.release(person, previous)
    # What is being committed counts, or the client would send it a second time.
    await ways.services.archive.settled()
    return None if connection.over else ways.lifecycle.resume(person, previous, connection)


def take_up(
    connection: Entering, engine: ServerStream, context: Context, element: Stanza
) -> list[Unacknowledged] | None:
    """Carry a resumed session; return what its client has, ``None``: its stream ends."""
    connection.carry(context)
    try:
        return sm.resume(context.session, element)
    except StreamError as error:
        engine.fail(error)
        return None


def go_on(
    connection: Entering, engine: ServerStream, context: Context, tokens: list[Unacknowledged]
) -> None:
    """Send again what the client of a resumed session has not, and read on."""
    engine.send(sm.again(context.session))
    sm.took(context, tokens)
    connection.say(engine)
    engine.pump()
    connection.log.info("session resumed", jid=context.session.full)


class Welcome:
    """One client's, on one connection.

    Args:
        connection: The client's.
        ways: What the connections of its listener share.
        engine: Its stream.
        login: Who it is, and how that was proved.
        wishes: What it asked for.

    """

    __slots__ = ("_connection", "_engine", "_login", "_person", "_services", "_ways", "_wishes")

    def __init__(
        self,
        connection: Entering,
        ways: DoorWays,
        engine: ServerStream,
        login: LogIn,
        wishes: Wishes,
    ) -> None:
        assert login.person is not None, "wishes come true after log-in"
        self._connection = connection
        self._ways = ways
        self._services = ways.services
        self._engine = engine
        self._login = login
        self._person = login.person
        self._wishes = wishes

    async def say(self) -> None:
        """Do everything, and tell the client."""
        failed = b""
        resume = self._wishes.resume
        if resume is not None:
            context = await resumption(self._connection, self._ways, self._person, resume)
            if context is not None:
                self._resumed(context, resume)
                return
            failed = sm.failed(StanzaCondition.ITEM_NOT_FOUND)
        if self._connection.over:
            return
        if self._wishes.bind is None:
            told = failed + self._token()
            self._engine.welcome(self._person.address, told, bound=False)
            return
        try:
            await self._bind(self._wishes.bind, failed)
        except StanzaError as error:  # the person was disabled or deleted meanwhile
            self._engine.reject(SaslCondition.NOT_AUTHORIZED, str(error))
        except ClarionError as error:
            self._engine.reject(SaslCondition.TEMPORARY_AUTH_FAILURE, str(error))

    def _resumed(self, context: Context, element: Stanza) -> None:
        connection, engine = self._connection, self._engine
        tokens = take_up(connection, engine, context, element)
        if tokens is not None:
            told = sm.resumed(context.session) + self._token()
            engine.welcome(self._person.address, told, bound=True, resumed=True)
            go_on(connection, engine, context, tokens)

    async def _bind(self, wish: BindWish, failed: bytes) -> None:
        connection, engine, lifecycle = self._connection, self._engine, self._ways.lifecycle
        person, client = self._person, self._wishes.agent.id
        resource, lang = self._resource(wish.tag), engine.greeting.lang
        context, ends = await lifecycle.begin_reading(person, resource, lang, connection, client)
        session = context.session
        session.label = self._login.label
        if connection.over:
            session.line = None
            lifecycle.end(session)
            return
        connection.carry(context)
        told = metadata_answer(ends, self._services.seal)
        for element in wish.features:
            handler = self._ways.binds.get(element.tag)
            if handler is not None:
                told += handler(context, element)
        engine.welcome(session.full, failed + bound(told) + self._token(), bound=True)
        connection.log.info("logged in", jid=session.full)

    def _resource(self, tag: str) -> str:
        """Return the resource: the same for a client each time, but for its tag (section 3.2.1).

        The client's id cannot be guessed from it: it went through the
        permutation of the stanza-ids, whose key nobody else has.
        """
        client, services = self._wishes.agent.id, self._services
        name = services.token()
        if client:
            said = f"{self._person.number}\0{client}\0{tag}".encode()
            name = services.seal.seal(ItemId(hashlib.sha256(said).digest()[:SIZE_BYTES]))
        name = name[:STABLE_CHARACTERS]
        try:
            return f"{prepare_resource(tag)}/{name}"
        except JidError:  # there is no tag, or it may not be in a resource
            return name

    def _token(self) -> bytes:
        """Return the token for the next time, if there is to be one (XEP-0484)."""
        tokens, used, wishes = self._services.tokens, self._login.used, self._wishes
        wanted = wishes.token_for
        if wanted not in offered_ht(self._engine.greeting.bindings):
            wanted = ""
        if used is not None and wishes.token_use is not None:
            if wishes.token_use.invalidate:
                tokens.invalidate(used)
            elif not wanted and tokens.due(used):
                wanted = used.mechanism
        agent = wishes.agent
        # A password that is being changed takes along the tokens that it has now, and no later one.
        if not wanted or not agent.id or self._services.identity.changing(self._person):
            return b""
        made = Token(
            self._person.number,
            agent.id,
            UNUSED,
            wanted,
            b"",
            self._login.label,
            0.0,
            0.0,
            software=agent.software,
            device=agent.device,
        )
        given = tokens.issue(made, self._login.changes)
        if given is None:
            return b""
        text, expires = given
        return written_token(text, utc(expires))
