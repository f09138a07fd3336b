"""Who takes a stanza of a client's: by its kind, and whom it is for.

Messages go on by ``routing.py``, after features had a look; presence and
requests have one handler each (RFC 6120 section 8.2.3, RFC 6121 section 8).
Refusals are raised; ``inbox.py`` keeps the order and tells the client.
"""

from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from inspect import isawaitable
from typing import Any, Final

from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.caps import INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS_QUERY
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.wire.xmpp.names import CLIENT, IQ, MESSAGE, PRESENCE
from clarion.wire.xmpp.stamps import ORIGIN_ID
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.displayed import DISPLAYED
from clarion.xmpp.extension import At, IqHandler, Switchboard
from clarion.xmpp.pep_notices import answered as take_answer
from clarion.xmpp.room_routing import present_in_room, say_in_room, to_room
from clarion.xmpp.routing import (
    forward_iq,
    is_blocked_by,
    local_person,
    recipient_of,
    route_message,
    send_outside,
)

Work = Coroutine[Any, Any, None]
"""What must be done before the stanzas behind it may begin."""

Take = Callable[[Context, Switchboard, Stanza], Future[Any] | Work | None]
"""Takes a stanza. ``None``: it is done. A future: it is delivered, and counts when that is done.

Raises whatever is to be told to the client (``refusals.py``).
"""


# -- messages -----------------------------------------------------------------------


def _message(
    context: Context, switchboard: Switchboard, stanza: Stanza
) -> Future[Any] | Work | None:
    recipient = recipient_of(context, stanza)
    if recipient.domain == context.services.rooms_domain:
        # What features do for messages between people does not concern rooms, but for what is
        # for the sender's own server (XEP-0490 section 4.6).
        look = switchboard.messages.get(DISPLAYED) if DISPLAYED in stanza.children else None
        wait = None if look is None else look(context, stanza)
        if wait is not None:
            return _say_and_wait(context, stanza, recipient, wait)
        return say_in_room(context, stanza, recipient)
    entity = context.entity
    if ORIGIN_ID in stanza.children and not entity.knows_sent:
        return _message_after_loading(context, switchboard, stanza)
    waits = _look(context, switchboard, stanza)
    if waits:
        return _route_and_wait(context, stanza, waits)
    return route_message(context, stanza)


async def _message_after_loading(
    context: Context, switchboard: Switchboard, stanza: Stanza
) -> None:
    await context.entity.load_sent()
    await _route_and_wait(context, stanza, _look(context, switchboard, stanza))


def _look(context: Context, switchboard: Switchboard, stanza: Stanza) -> list[Awaitable[object]]:
    """Let features look at the message before it goes on."""
    waits: list[Awaitable[object]] = []
    messages = switchboard.messages
    # Once each: a stanza has room for thousands of one kind, and each may cost a query.
    for child in dict.fromkeys(stanza.children):
        look = messages.get(child)
        if look is not None:
            if is_blocked_by(context, recipient_of(context, stanza)):
                break  # it is about to be refused, and tells nobody anything
            wait = look(context, stanza)
            if wait is not None:
                waits.append(wait)
    return waits


async def _route_and_wait(context: Context, stanza: Stanza, waits: list[Awaitable[object]]) -> None:
    try:
        kept = route_message(context, stanza)
    finally:
        # What features do holds also when the message itself is refused.
        for wait in waits:
            await wait
    if kept is not None:
        await kept


async def _say_and_wait(
    context: Context, stanza: Stanza, recipient: Jid, wait: Awaitable[object]
) -> None:
    kept = say_in_room(context, stanza, recipient)
    await wait
    if kept is not None:
        await kept


# -- presence ---------------------------------------------------------------------


def _presence(
    context: Context, switchboard: Switchboard, stanza: Stanza
) -> Future[Any] | Work | None:
    to = stanza.attributes.get("to")
    if to is not None and parse_jid(to).domain == context.services.rooms_domain:
        return present_in_room(context, stanza, parse_jid(to))
    kind = stanza.attributes.get("type", "")
    handler = switchboard.presences.get(kind)
    if handler is None:
        if kind == "error":
            return None
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"presence has no type {kind!r}")
    work = handler(context, stanza)
    return None if work is None else _finish(work)


# -- iq ------------------------------------------------------------------------------


def _iq(context: Context, switchboard: Switchboard, stanza: Stanza) -> Future[Any] | Work | None:
    """Apply RFC 6120 section 8.2.3 and RFC 6121 section 8.5."""
    kind = stanza.attributes.get("type", "")
    if kind in {"result", "error"}:
        _answered(context, stanza)
        return None
    recipient = _asked(context, stanza, kind)
    place = _place(context, recipient)
    if place == "room" and not _about_room(switchboard, kind, stanza):
        return to_room(context, stanza, recipient)
    if recipient.resource:
        guard = switchboard.iqs.get(("session", kind, stanza.children[0]))
        if guard is not None:
            return _forward_later(context, guard, stanza, recipient)
        forward_iq(context, stanza, recipient)
        return None
    services = context.services
    if services.outside is not None and services.is_outside(recipient.bare):
        send_outside(context, stanza, recipient)
        return None
    handler = switchboard.iqs.get((place, kind, stanza.children[0]))
    ours = recipient.domain == context.services.domain
    if place == "contact" and (handler is None or not ours):
        # Who answers for contacts decides what may be told of those who do not exist.
        local_person(context, recipient)
    if handler is None:
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, f"nobody here answers {stanza.children[0]}"
        )
    payload = parse(stanza.raw, CLIENT)[0]
    result = handler(context, stanza, payload)
    if isawaitable(result):
        return _answer_later(context, stanza, result)
    _reply(context, stanza, result)
    return None


def _place(context: Context, recipient: Jid) -> At:
    """Return what kind of address a request is for, its resource aside."""
    services, bare = context.services, recipient.bare
    if recipient.domain == services.rooms_domain:
        return "room"
    places: dict[str, At] = {
        services.upload: "upload",
        services.proxy: "proxy",
        context.account: "account",
        services.domain: "server",
    }
    return places.get(bare, "contact")


def _about_room(switchboard: Switchboard, kind: str, stanza: Stanza) -> bool:
    """Whether a request about a room is for the requester's own server to answer.

    A feature that needs to know the requester takes it, by its payload or, in
    service discovery, by its node.
    """
    tag = stanza.children[0]
    if ("room", kind, tag) not in switchboard.iqs:
        return False
    what = {INFO_QUERY: "info", ITEMS_QUERY: "items"}.get(tag)
    return what is None or ("room", what, stanza.child_attribute(tag, "node")) in switchboard.nodes


def _asked(context: Context, stanza: Stanza, kind: str) -> Jid:
    """Return whom a request is for, if it is one that may be put.

    Raises:
        StanzaError: It may not.
        JidError: ``to`` is no JID.

    """
    if kind not in {"get", "set"}:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq is a get, set, result or error")
    if not stanza.attributes.get("id"):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq needs an id")
    if len(stanza.children) != 1:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a request has exactly one child")
    recipient = recipient_of(context, stanza)
    if is_blocked_by(context, recipient):
        # XEP-0191 section 3.3: as if they were not here.
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"{recipient.full} is not on line")
    return recipient


def _answered(context: Context, stanza: Stanza) -> None:
    to = stanza.attributes.get("to")
    session, pusher = context.session, context.services.pusher
    if session.proof_id and stanza.attributes.get("id") == session.proof_id:
        context.entity.received(session, session.proved())
        context.people.level_changed(context.entity)
        if session.unproven and session.line is not None:
            session.line.prove_soon()
    elif take_answer(context, stanza):
        pass  # what the client can do
    elif pusher is not None and pusher.take_answer(session.full, stanza):
        pass  # it is a push service
    elif to is not None:
        recipient = recipient_of(context, stanza)
        if recipient.domain == context.services.rooms_domain:
            to_room(context, stanza, recipient)
        # What another server itself asked has no resource either.
        elif recipient.resource or context.services.is_outside(recipient.bare):
            forward_iq(context, stanza, recipient)


async def _forward_later(
    context: Context, guard: IqHandler, stanza: Stanza, recipient: Jid
) -> None:
    allowed = guard(context, stanza, parse(stanza.raw, CLIENT)[0])
    if isawaitable(allowed):
        await allowed
    forward_iq(context, stanza, recipient)


async def _answer_later(context: Context, stanza: Stanza, result: Awaitable[bytes | None]) -> None:
    _reply(context, stanza, await result)


def _reply(context: Context, stanza: Stanza, payload: bytes | None) -> None:
    session = context.session
    to = stanza.attributes.get("to")
    sender = f" from='{escape(to)}'" if to is not None else ""
    start = (
        f"<iq type='result' id='{escape(stanza.attributes['id'])}'{sender}"
        f" to='{escape(session.full)}'"
    )
    if payload:
        # Copied once: a whole roster is 2 MiB.
        session.send(b"".join((start.encode(), b">", payload, b"</iq>")))
    else:
        session.send(start.encode() + b"/>")


async def _finish(work: Awaitable[None]) -> None:
    await work


TAKERS: Final[Mapping[str, Take]] = {MESSAGE: _message, PRESENCE: _presence, IQ: _iq}
"""By the stanza's tag, who takes it."""
