"""Which messages are copied to a person's other clients, and how the copies look (XEP-0280)."""

from typing import Final

from clarion.wire.xml import MalformedError, escape, parse
from clarion.wire.xmpp.names import BODY, CLIENT
from clarion.wire.xmpp.payloads import (
    CARBONS,
    CORRECTION,
    FORWARD,
    HINTS,
    MARKER,
    MARKER_REQUEST,
    MUC_INVITE,
    MUC_USER,
    NO_COPY,
    PRIVATE,
    REACTIONS,
    RECEIPT,
    RECEIPT_REQUEST,
    REPLY,
    RETRACT,
    ROOM_INVITATION,
    STATES,
    THREAD,
)
from clarion.wire.xmpp.stamps import ORIGIN_ID
from clarion.wire.xmpp.stanza import Stanza

_NEVER: Final = frozenset({PRIVATE, NO_COPY})
# Section 6.1: payloads typical of instant messaging, whatever the message's type.
_TYPICAL: Final = (
    STATES
    | {RECEIPT_REQUEST, RECEIPT, MARKER_REQUEST, MARKER}
    | {CORRECTION, RETRACT, REACTIONS, REPLY, ROOM_INVITATION}
)
# What a message that is only a chat state may hold besides (XEP-0085 section 5.6, and what
# clients add to everything).
_BESIDES: Final = STATES | HINTS | {THREAD, ORIGIN_ID, PRIVATE}


def copied(stanza: Stanza, kind: str) -> bool:
    """Say whether a message is eligible for copies (section 6.1).

    An error is when it answers such a message, which only those know who
    have seen that (``PersonEntity``); hints in it may be those of the message
    that it answers (XEP-0334 section 5).

    Args:
        stanza: From a local session.
        kind: Its type, ``normal`` where it has none.

    """
    if kind == "error":
        return True
    children = stanza.children
    if kind == "groupchat" or not _NEVER.isdisjoint(children):
        return False
    if kind == "chat" or (kind == "normal" and BODY in children):
        return True
    return not _TYPICAL.isdisjoint(children) or (MUC_USER in children and _invites(stanza))


def fleeting(stanza: Stanza, kind: str) -> bool:
    """Say whether a message is a chat state and nothing else."""
    children = stanza.children
    return (
        kind != "error"
        and not STATES.isdisjoint(children)
        and all(child in _BESIDES for child in children)
    )


def copy_of(message: bytes, direction: str, account: str, to: str, kind: str) -> bytes:
    """Write a copy (sections 7 and 8).

    Args:
        message: The whole original, with its addresses and its namespace.
        direction: ``sent`` or ``received``.
        account: The bare JID of those who sent or received it.
        to: The full JID of the client that gets the copy.
        kind: The type of the original; the copy has the same.

    """
    typed = "" if kind == "normal" else f" type='{escape(kind)}'"
    start = (
        f"<message from='{escape(account)}' to='{escape(to)}'{typed}>"
        f"<{direction} xmlns='{CARBONS}'><forwarded xmlns='{FORWARD}'>"
    )
    return b"%s%s</forwarded></%s></message>" % (start.encode(), message, direction.encode())


def _invites(stanza: Stanza) -> bool:
    """Whether ``muc#user`` carries a mediated invitation (XEP-0045 section 7.8.2)."""
    try:
        return parse(stanza.raw, CLIENT).find(f"{MUC_USER}/{MUC_INVITE}") is not None
    except MalformedError:
        return False
