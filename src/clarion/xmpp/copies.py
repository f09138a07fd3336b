"""Which messages are copied to a person's other clients, and how the copies look (XEP-0280)."""

from typing import Final

from clarion.wire.xml import MalformedError, escape, parse
from clarion.wire.xmpp.names import BODY, CLIENT
from clarion.wire.xmpp.stamps import MARKERS, ORIGIN_ID
from clarion.wire.xmpp.stanza import Stanza

NS: Final = "urn:xmpp:carbons:2"
HINTS: Final = "urn:xmpp:hints"
FORWARD: Final = "urn:xmpp:forward:0"
CHAT_STATES: Final = "http://jabber.org/protocol/chatstates"

_NEVER: Final = frozenset({f"{{{NS}}}private", f"{{{HINTS}}}no-copy"})
_STATES: Final = frozenset(
    f"{{{CHAT_STATES}}}{state}" for state in ("active", "composing", "paused", "inactive", "gone")
)
# Section 6.1: payloads typical of instant messaging, whatever the message's type.
_PAYLOADS: Final = _STATES | {
    "{urn:xmpp:receipts}request",
    "{urn:xmpp:receipts}received",
    f"{{{MARKERS}}}markable",
    f"{{{MARKERS}}}displayed",
    "{urn:xmpp:message-correct:0}replace",
    "{urn:xmpp:message-retract:1}retract",
    "{urn:xmpp:reactions:0}reactions",
    "{urn:xmpp:reply:0}reply",
    "{jabber:x:conference}x",  # XEP-0249, a direct invitation to a room
}
_MUC_USER: Final = "{http://jabber.org/protocol/muc#user}x"
_INVITE: Final = "{http://jabber.org/protocol/muc#user}invite"
# What a message that is only a chat state may hold besides (XEP-0085 section 5.6, and what
# clients add to everything).
_BESIDES: Final = _STATES | {
    f"{{{CLIENT}}}thread",
    ORIGIN_ID,
    *(f"{{{HINTS}}}{hint}" for hint in ("no-copy", "no-store", "no-permanent-store", "store")),
    f"{{{NS}}}private",
}


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
    return not _PAYLOADS.isdisjoint(children) or (_MUC_USER in children and _invites(stanza))


def fleeting(stanza: Stanza, kind: str) -> bool:
    """Say whether a message is a chat state and nothing else."""
    children = stanza.children
    return (
        kind != "error"
        and not _STATES.isdisjoint(children)
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
        f"<{direction} xmlns='{NS}'><forwarded xmlns='{FORWARD}'>"
    )
    return b"%s%s</forwarded></%s></message>" % (start.encode(), message, direction.encode())


def _invites(stanza: Stanza) -> bool:
    """Whether ``muc#user`` carries a mediated invitation (XEP-0045 section 7.8.2)."""
    try:
        return parse(stanza.raw, CLIENT).find(f"{_MUC_USER}/{_INVITE}") is not None
    except MalformedError:
        return False
