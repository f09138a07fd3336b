"""XEP-0191 Blocking Command: a person's block list, and who is told of its changes.

What a block list does to stanzas is where these go: ``routing.py`` and
``inbox.py`` refuse messages and requests both ways, ``door.py`` stops presence
and all else between people, ``notices.py`` and ``ext/presence.py`` what the
server would tell on somebody's behalf, and ``person.py`` what waits.
Subscriptions stay as they are ("polite blocking", section 4).
"""

from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.blocking import Blocklist
from clarion.core.ports import person_entity
from clarion.lib.errors import UsageError
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.notices import Notice, plain, show_to, shown
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.session import Session

NS: Final = "urn:xmpp:blocking"
LIST: Final = f"{{{NS}}}blocklist"
BLOCK: Final = f"{{{NS}}}block"
UNBLOCK: Final = f"{{{NS}}}unblock"
_ITEM: Final = f"{{{NS}}}item"

blocking = Extension(
    Card(
        name="blocking",
        spec="XEP-0191",
        title="Blocking Command",
        version="1.3",
        features=(NS,),
        needs=("presence",),
        test="tests/xmpp/test_blocking.py",
    )
)


@blocking.on_iq("get", LIST, at=("account",))
def get(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Answer with the list; from here on the session gets its pushes (section 3.2)."""
    context.session.interested_in_blocks = True
    blocked = context.services.blocking.of(context.account)
    return _element("blocklist", () if blocked is None else sorted(blocked.jids))


@blocking.on_iq("set", BLOCK, at=("account",))
async def block(context: Context, stanza: Stanza, payload: Element) -> None:
    """Block addresses (section 3.3).

    Raises:
        StanzaError: None is named, or the list would be too long.
        JidError: One is no JID.
        UnavailableError: The list cannot be kept; nothing has changed.

    """
    services = context.services
    jids = _named(payload)
    if not jids:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "name at least one address to block")
    # Asked for first: nothing may come between the commit and what is told.
    book = await services.rosters.book(context.person)
    new = Blocklist(context.account, frozenset(jids))
    try:
        await services.blocking.block(
            context.person, jids, last=lambda: _disappear(context, book, new)
        )
    except UsageError as error:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, str(error)) from error
    _push(context, _element("block", jids))


@blocking.on_iq("set", UNBLOCK, at=("account",))
async def unblock(context: Context, stanza: Stanza, payload: Element) -> None:
    """Unblock addresses, or all where none is named (sections 3.4 and 3.5).

    Raises:
        StanzaError: An item has no address.
        JidError: One is no JID.
        UnavailableError: The change cannot be kept; nothing has changed.

    """
    services = context.services
    jids = _named(payload)
    book = await services.rosters.book(context.person)
    gone = await services.blocking.unblock(context.person, jids or None)
    _appear(context, book, Blocklist(context.account, gone))
    _push(context, _element("unblock", jids))


def _disappear(context: Context, book: RosterBook, new: Blocklist) -> None:
    """Say goodbye to those who see this person, while that can still be said."""
    for session in context.entity.available():
        notice = plain("unavailable", session.full)
        for address in _who_see(context, book, session, new):
            _tell(context, notice, address)


def _appear(context: Context, book: RosterBook, gone: Blocklist) -> None:
    """Show this person to those who may see them, and them to this person's clients.

    The latter is more than section 3.4 asks for: clients do not know what
    they were not told meanwhile.
    """
    services, people, account = context.services, context.people, context.account
    sessions = context.entity.available()
    for session in sessions:
        notice = shown(session)
        for address in _who_see(context, book, session, gone):
            _tell(context, notice, address)
    for contact in list(book.watched):
        if gone.blocks(parse_jid(contact)):
            show_to(services, people, account, contact, sessions)


def _who_see(context: Context, book: RosterBook, session: Session, entries: Blocklist) -> list[str]:
    """Return who gets the session's presence and is named by ``entries``, and only by those."""
    already = context.services.blocking.of(context.account)
    full = [jid for jid in entries.jids if parse_jid(jid).bare in book.watchers]
    # Directed presence was shown to them by the user's own choice (RFC 6121 section 4.6).
    candidates = dict.fromkeys((*book.watchers, *full, *sorted(session.directed)))
    return [
        address
        for address in candidates
        if entries.blocks(parse_jid(address))
        and not (already is not None and already.blocks(parse_jid(address)))
    ]


def _tell(context: Context, notice: Notice, address: str) -> None:
    bare, _, resource = address.partition("/")
    if context.people.get(bare) is not None:
        context.services.router.to_entity(person_entity(bare), notice.parcel(bare, resource))


def _named(payload: Element) -> list[str]:
    """Return the addresses that the items of a command name, normalised, each once."""
    found: dict[str, None] = {}
    for item in payload:
        if item.tag != _ITEM:
            continue
        jid = item.get("jid")
        if not jid:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "an item has a jid")
        found[parse_jid(jid).full] = None
    return list(found)


def _push(context: Context, payload: bytes) -> None:
    """Tell the sessions that asked for the list; no ``from``: it is the account's own."""
    for session in context.entity.sessions.values():
        if session.interested_in_blocks:
            name = context.services.token()
            start = f"<iq type='set' id='{name}' to='{escape(session.full)}'>"
            session.send(start.encode() + payload + b"</iq>")


def _element(name: str, jids: Iterable[str] | Sequence[str]) -> bytes:
    items = "".join(f"<item jid='{escape(jid)}'/>" for jid in jids)
    inner = f">{items}</{name}>" if items else "/>"
    return f"<{name} xmlns='{NS}'{inner}".encode()
