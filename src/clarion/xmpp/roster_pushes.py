"""Roster items as clients read them, and the pushes that bring them (RFC 6121 section 2)."""

from collections.abc import Callable, Iterable
from typing import Final

from clarion.wire.xml import escape
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.rosters import RosterBook
from clarion.xmpp.session import Session

NS: Final = "jabber:iq:roster"


def item_element(item: RosterItem) -> bytes:
    """Return ``<item/>`` as in results and pushes (section 2.1.2)."""
    parts = [f"<item jid='{escape(item.contact)}'"]
    if item.name:
        parts.append(f" name='{escape(item.name)}'")
    parts.append(f" subscription='{item.subscription}'")
    if item.ask:
        parts.append(" ask='subscribe'")
    if item.approved:
        parts.append(" approved='true'")
    if item.groups:
        parts.append(">")
        parts.extend(f"<group>{escape(group)}</group>" for group in item.groups)
        parts.append("</item>")
    else:
        parts.append("/>")
    return "".join(parts).encode()


def removal_element(contact: str) -> bytes:
    """Return ``<item/>`` of a contact that is gone (section 2.5.2)."""
    return f"<item jid='{escape(contact)}' subscription='remove'/>".encode()


def current_element(book: RosterBook, contact: str) -> bytes:
    """Return ``<item/>`` as clients are to see the contact now."""
    item = book.get(contact)
    if item is None or not item.listed:
        return removal_element(contact)
    return item_element(item)


def query_element(items: bytes, version: str) -> bytes:
    """Return ``<query/>`` around items already written."""
    return f"<query xmlns='{NS}' ver='{escape(version)}'>".encode() + items + b"</query>"


def push(sessions: Iterable[Session], query: bytes, token: Callable[[], str]) -> None:
    """Push ``query`` to those sessions that asked for the roster (section 2.1.6).

    There is no ``from``: a push without one is the account's own, and no
    client can mistake it for a stranger's.
    """
    for session in sessions:
        if session.interested:
            start = f"<iq type='set' id='{token()}' to='{escape(session.full)}'>"
            session.send(start.encode() + query + b"</iq>")


def push_contact(
    sessions: Iterable[Session], book: RosterBook, contact: str, token: Callable[[], str]
) -> None:
    """Push what a contact is now, with the roster's version."""
    push(sessions, query_element(current_element(book, contact), str(book.version)), token)
