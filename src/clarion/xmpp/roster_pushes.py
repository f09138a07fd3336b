"""Roster items as clients read them, and the pushes that bring them (RFC 6121 section 2)."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from clarion.wire.xml import escape
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import SLICE, RosterBook
from clarion.xmpp.session import Session

NS: Final = "jabber:iq:roster"
_QUERY_END: Final = b"</query>"


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
    item = book.shown(contact)
    return removal_element(contact) if item is None else item_element(item)


async def whole_query(book: RosterBook) -> bytes:
    """Return ``<query/>`` with the whole roster; the caller holds the book's lock.

    A long roster is written in slices, between which others get their turn,
    and copied as seldom as can be: one of 10,000 entries is 2 MiB.
    """
    chunks = [_query_start(book.ver)]
    chunk: list[bytes] = []
    for element in _elements(book):
        chunk.append(element)
        if len(chunk) == SLICE:
            chunks.append(b"".join(chunk))
            chunk = []
            await asyncio.sleep(0)
    whole = b"".join((*chunks, *chunk, _QUERY_END))
    if len(chunks) > 1:
        await asyncio.sleep(0)
    return whole


def _elements(book: RosterBook) -> Iterator[bytes]:
    """Give each item of the roster, own ones first."""
    for item in book.items():
        if item.listed:
            yield current_element(book, item.contact) if book.teams else item_element(item)
    # Somebody of one department only, of whom the owner has no item, looks the
    # same to all of that department, and is written once for them.
    written = book.teams[0].elements if len(book.teams) == 1 else {}
    for address in book.colleagues():
        own = book.get(address)
        if own is None or not own.listed:
            yield written.get(address) or _colleague_element(book, address)


def _colleague_element(book: RosterBook, address: str) -> bytes:
    """Return somebody of a department of whom the owner has no item; written once for all."""
    teams = book.teams_of(address)
    if len(teams) > 1:
        return current_element(book, address)
    elements = teams[0].elements
    if address not in elements:
        elements[address] = current_element(book, address)
    return elements[address]


def query_element(items: bytes, version: str) -> bytes:
    """Return ``<query/>`` around items already written."""
    return b"".join((_query_start(version), items, _QUERY_END))


def _query_start(version: str) -> bytes:
    return f"<query xmlns='{NS}' ver='{escape(version)}'>".encode()


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
    push(sessions, query_element(current_element(book, contact), book.ver), token)
