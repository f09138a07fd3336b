"""XEP-0198 Stream Management: acknowledgements, and sessions that outlive a connection.

The counter that a client sees leaves only after the commit of what it counts
(``wire/xmpp/acks.py`` keeps the numbers, ``inbox.py`` settles them).
"""

from typing import Final

from clarion.core.ports import ItemRef
from clarion.lib.crashpoint import BEFORE_ACKNOWLEDGEMENT
from clarion.lib.errors import PeerError
from clarion.wire.xmpp.acks import AckError, Inbound, Outbound, parse_handled
from clarion.wire.xmpp.errors import (
    STANZA_ERRORS,
    StanzaCondition,
    StreamCondition,
    StreamError,
)
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.session import HeldTicket, Session, Token

NS: Final = "urn:xmpp:sm:3"
ENABLE: Final = f"{{{NS}}}enable"
RESUME: Final = f"{{{NS}}}resume"
REQUEST: Final = f"<r xmlns='{NS}'/>".encode()

_TRUE: Final = frozenset({"true", "1"})

stream_management = Extension(
    Card(
        name="stream_management",
        spec="XEP-0198",
        title="Stream Management",
        version="1.6.3",
        stream_features=f"<sm xmlns='{NS}'/>".encode(),
        test="tests/xmpp/test_stream_management.py",
    )
)


@stream_management.on_nonza(ENABLE)
def enable(context: Context, element: Stanza) -> None:
    """Begin to count (section 3); twice is an error of the client's."""
    context.session.send_nonza(begin(context, element))


@stream_management.on_bind(ENABLE)
def begin(context: Context, element: Stanza) -> bytes:
    """Begin to count, also while a resource is bound (section 9.1); return what is told."""
    session, limits = context.session, context.services.limits
    if session.inbound is not None:
        return failed(StanzaCondition.UNEXPECTED_REQUEST)
    session.inbound = Inbound()
    session.outbound = Outbound[Token](
        limit_bytes=limits.unacknowledged_bytes, limit_count=limits.unacknowledged_stanzas
    )
    wants = element.attributes.get("resume", "") in _TRUE
    session.resumable = wants and limits.resume_time > 0
    how = f" id='{session.id}' resume='true' max='{int(limits.resume_time)}'"
    return f"<enabled xmlns='{NS}'{how if session.resumable else ''}/>".encode()


@stream_management.on_nonza(f"{{{NS}}}r")
def request(context: Context, element: Stanza) -> None:
    """Answer when everything the client sent before is safe (section 4)."""
    inbound = context.session.inbound
    if inbound is None:
        context.session.send_nonza(failed(StanzaCondition.UNEXPECTED_REQUEST))
        return
    inbound.request()
    answer(context)


@stream_management.on_nonza(f"{{{NS}}}a")
def acknowledged(context: Context, element: Stanza) -> None:
    """Let go of what the client has handled; it has been delivered."""
    session = context.session
    if session.outbound is None:
        session.send_nonza(failed(StanzaCondition.UNEXPECTED_REQUEST))
        return
    try:
        tokens = session.outbound.acknowledge(parse_handled(element.attributes.get("h")))
    except AckError as error:
        if session.line is not None:
            session.line.end(too_high(error))
        return
    took(context, tokens)
    # What went out after the <r/> that this answers must be asked about too.
    if session.line is not None and session.outbound.request_due:
        session.line.ask_about_the_rest()


@stream_management.on_nonza(RESUME)
def resume_late(context: Context, element: Stanza) -> None:
    """Refuse: only a stream without a bound resource can resume (section 5)."""
    context.session.send_nonza(failed(StanzaCondition.UNEXPECTED_REQUEST))


def answer(context: Context) -> None:
    """Send the ``<a/>`` that is due, if one is."""
    inbound = context.session.inbound
    if inbound is None:
        return
    handled = inbound.answer_due()
    if handled is not None:
        context.services.crash_points.reach(BEFORE_ACKNOWLEDGEMENT)
        context.session.send_nonza(f"<a xmlns='{NS}' h='{handled}'/>".encode())


def took(context: Context, tokens: list[Token]) -> None:
    """Note what the client has: items are delivered, told errors let their stanza count."""
    if not tokens:
        context.session.moved()
        return
    items = [token for token in tokens if isinstance(token, ItemRef)]
    if items:
        context.entity.received(context.session, items)
        context.people.level_changed(context.entity)
    inbound = context.session.inbound
    if inbound is not None and len(items) < len(tokens):
        for token in tokens:
            # Who resumed was told that those held before do not count, and sends them again.
            if isinstance(token, HeldTicket) and token.inbound is inbound:
                inbound.settle(token.ticket)
        answer(context)
    context.session.moved()


def resume(session: Session, element: Stanza) -> list[Token]:
    """Take a ``<resume/>``: what the client has, it says with ``h``.

    Raises:
        StreamError: ``h`` is none, or beyond what the client was sent.

    """
    assert session.outbound is not None, "only a counted session resumes"
    try:
        return session.outbound.resume(parse_handled(element.attributes.get("h")))
    except AckError as error:
        raise too_high(error) from error
    except PeerError as error:
        raise StreamError(StreamCondition.BAD_FORMAT, str(error)) from error


def resumed(session: Session) -> bytes:
    """Return ``<resumed/>`` with what this side has handled."""
    assert session.inbound is not None, "only a counted session resumes"
    told = f"<resumed xmlns='{NS}' previd='{session.id}' h='{session.inbound.handled}'/>"
    return told.encode()


def again(session: Session) -> bytes:
    """Return what the client has not handled, to be sent behind ``<resumed/>``."""
    assert session.outbound is not None, "only a counted session resumes"
    return b"".join(session.outbound.unacknowledged(session.jid.bare))


def failed(condition: StanzaCondition) -> bytes:
    """Return ``<failed/>``."""
    return f"<failed xmlns='{NS}'><{condition} xmlns='{STANZA_ERRORS}'/></failed>".encode()


def too_high(error: AckError) -> StreamError:
    """Return the stream error for an ``h`` beyond what was sent (section 4)."""
    told = (
        f"<handled-count-too-high xmlns='{NS}' h='{error.handled}'"
        f" send-count='{error.send_count}'/>"
    )
    return StreamError(StreamCondition.UNDEFINED_CONDITION, str(error), application=told.encode())
