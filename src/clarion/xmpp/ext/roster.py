"""RFC 6121 section 2: the roster, its pushes and its versions."""

import asyncio
import contextlib
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.ext.subscriptions import check_room, end
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import ITEM_LIMIT_BYTES, RosterBook
from clarion.xmpp.roster_pushes import (
    NS,
    current_element,
    push,
    push_contact,
    query_element,
    whole_query,
)
from clarion.xmpp.routing import local_person, recipient_of
from clarion.xmpp.services import Services

QUERY: Final = f"{{{NS}}}query"
_ITEM: Final = f"{{{NS}}}item"
_GROUP: Final = f"{{{NS}}}group"

NAME_LIMIT_BYTES: Final = 1023  # LIMIT: of a contact's name or a group's (section 2.3.3)
GROUPS_LIMIT: Final = 100  # LIMIT: groups that one contact is in
CHANGES_PUSHED: Final = 100
"""LIMIT: changes that are pushed one by one; after more the whole roster is cheaper."""
# As ``RosterBook.ver`` writes it; 18 digits fit a database's integer.
_VERSION: Final = re.compile(
    r"(?P<own>[0-9]{1,18})(?P<teams>(?:-[0-9]{1,18}\.[0-9a-f]{1,64}){0,16})"
)

roster = Extension(
    Card(
        name="roster",
        spec="RFC 6121, section 2",
        title="Managing the Roster",
        features=(NS,),
        stream_features=b"<ver xmlns='urn:xmpp:features:rosterver'/>",
        needs=("subscriptions",),
        test="tests/xmpp/test_roster.py",
    )
)


@roster.on_iq("get", QUERY, at=("account",))
async def get(context: Context, stanza: Stanza, query: Element) -> bytes | None:
    """Answer with the roster, or, where ``ver`` is known, push what has changed since (2.2, 2.6).

    From here on the session gets roster pushes.

    Raises:
        UnavailableError: The roster cannot be read.

    """
    services, session = context.services, context.session
    async with AsyncExitStack() as stack:
        book = await stack.enter_async_context(services.rosters.change(context.person))
        if session.ended:
            return None
        known = query.get("ver")
        changed = None if known is None else await _changed_since(book, known)
        services.rosters.hold(session.id, book)
        session.interested = True
        if known is None or changed is None:
            return await whole_query(book)
        if changed:
            # In the next turn of the loop, since the result comes first; the book
            # stays locked until then, so that no newer push comes before these.
            work = _push_changes(context, book, known, changed, stack.pop_all())
            services.crew.errand(work, name=f"roster for {session.full}")
        return None


@roster.on_iq("set", QUERY, at=("account",))
async def change(context: Context, stanza: Stanza, query: Element) -> None:
    """Add, update or remove one contact (sections 2.3 to 2.5).

    Raises:
        StanzaError: See section 2.3.3.
        JidError: The contact's address is no JID.
        UnavailableError: The roster cannot be read or kept; nothing has changed.

    """
    sender = stanza.attributes.get("from")
    if sender is not None and parse_jid(sender).bare != context.account:
        raise _forbidden()
    if len(query) != 1 or query[0].tag != _ITEM:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a roster set has exactly one item")
    item = query[0]
    contact = _contact(item)
    # Every other value of "subscription" means nothing here (section 2.1.5).
    if item.get("subscription") == "remove":
        await _remove(context, contact)
    else:
        name, groups = _name(item), _groups(item)
        if sum(len(text.encode()) for text in (name, *groups)) > ITEM_LIMIT_BYTES:
            raise StanzaError(
                StanzaCondition.NOT_ACCEPTABLE,
                f"a contact's name and groups may have {ITEM_LIMIT_BYTES} bytes together",
            )
        await _put(context, contact, name, groups)


@roster.on_iq("get", QUERY, at=("contact",))
def get_elsewhere(context: Context, stanza: Stanza, query: Element) -> None:
    """Refuse: a roster is its owner's alone (section 2.1.5)."""
    local_person(context, recipient_of(context, stanza))
    raise _forbidden()


@roster.on_iq("set", QUERY, at=("contact",))
def change_elsewhere(context: Context, stanza: Stanza, query: Element) -> None:
    """Refuse: a roster is its owner's alone (section 2.1.5)."""
    local_person(context, recipient_of(context, stanza))
    raise _forbidden()


async def _put(context: Context, contact: str, name: str, groups: tuple[str, ...]) -> None:
    if contact == context.account:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "nobody is in their own roster")
    services = context.services
    async with services.rosters.change(context.person) as book:
        item = book.get(contact) or RosterItem(contact)
        teams = book.teams_of(contact)
        if teams:
            # A client sends back all that it was shown. What the directory
            # gave is not the owner's, and follows the directory.
            given = {team.name for team in teams}
            groups = tuple(group for group in groups if group not in given)
            name = "" if name == teams[0].members[contact] else name
        item = replace(item, name=name, groups=groups, listed=True)
        check_room(book, item)
        await book.put(item, visible=True)
        push_contact(context.entity.sessions.values(), book, contact, services.token)


async def _remove(context: Context, contact: str) -> None:
    services = context.services
    async with services.rosters.change(context.person) as book:
        item = book.get(contact)
        if item is None or not item.listed:
            teams = book.teams_of(contact)
            if teams:
                raise StanzaError(
                    StanzaCondition.NOT_ALLOWED,
                    f"{contact} is in your department {teams[0].name!r}, whose people are in"
                    " your roster as long as you are there",
                )
            raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{contact} is not in the roster")
        await book.remove(contact)
        push_contact(context.entity.sessions.values(), book, contact, services.token)
        end(context, book, item)
    await _until_told(services, contact)


async def _until_told(services: Services, contact: str) -> None:
    """Wait until a contact here has been told, in the contact's own order of changes.

    COMPAT(Smack, 4.5): whoever has the answer to a removal takes it that nothing of it is still
    on its way to the contact; an ``unsubscribe`` that comes later is taken for something new.
    """
    person = services.directory.person(contact)
    if person is not None:
        await asyncio.sleep(0)  # what was told takes its place in the queue first
        with contextlib.suppress(UnavailableError):
            async with services.rosters.change(person):
                pass


async def _changed_since(book: RosterBook, known: str) -> list[str] | None:
    """Return who changed since the version that a client knows; ``None``: send everything."""
    if known == book.ver:
        return []
    found = _VERSION.fullmatch(known)
    if found is None:
        return None
    own = int(found["own"])
    teams = dict(text.split(".") for text in found["teams"].split("-")[1:])
    shifted = book.shifted_since({int(number): digest for number, digest in teams.items()})
    if own > book.version or shifted is None or len(shifted) > CHANGES_PUSHED:
        return None
    put = [] if own == book.version else await book.changed_since(own)
    if put is None or (own < book.version and not put):
        return None
    changed = [*put, *(address for address in shifted if address not in put)]
    return changed if len(changed) <= CHANGES_PUSHED else None


async def _push_changes(
    context: Context, book: RosterBook, known: str, changed: list[str], lock: AsyncExitStack
) -> None:
    """Push contacts as they are now, and let go of the book.

    All but the last push carry the version that the client knew: where they
    break off, the client asks for all of them again.
    """
    session = context.session
    async with lock:
        for contact in changed:
            version = book.ver if contact is changed[-1] else known
            element = query_element(current_element(book, contact), version)
            push((session,), element, context.services.token)


def _contact(item: Element) -> str:
    jid = item.get("jid")
    if jid is None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a roster item has a jid")
    contact = parse_jid(jid)
    if contact.resource:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a contact has no resource")
    return contact.bare


def _name(item: Element) -> str:
    name = item.get("name", "")
    if len(name.encode()) > NAME_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a name may have {NAME_LIMIT_BYTES} bytes"
        )
    return name


def _groups(item: Element) -> tuple[str, ...]:
    groups = [group.text or "" for group in item if group.tag == _GROUP]
    if len(set(groups)) < len(groups):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a group is named twice")
    if not all(0 < len(group.encode()) <= NAME_LIMIT_BYTES for group in groups):
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE,
            f"the name of a group has 1 to {NAME_LIMIT_BYTES} bytes",
        )
    if len(groups) > GROUPS_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a contact may be in {GROUPS_LIMIT} groups"
        )
    return tuple(sorted(groups))


def _forbidden() -> StanzaError:
    return StanzaError(StanzaCondition.FORBIDDEN, "a roster is its owner's alone")
