"""RFC 6121 section 3: who sees whose presence, by asking, allowing, giving up and denying.

The owner's roster is changed and kept first, under its lock; then the clients
are told and the stanza goes on. The contact's side runs in ``take`` when the
router hands it the stanza, under the lock of the contact's roster; the two
locks are never held together.
"""

from dataclasses import replace
from typing import Final

from clarion.core.ports import Parcel
from clarion.lib.errors import ClarionError
from clarion.lib.log import get_logger
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.splice import readdress
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.notices import hide_from, plain, show_to, shown, tell, to_person
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import greet_afar, introduce
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.refusals import check_reachable
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import ROSTER_LIMIT, ROSTER_LIMIT_BYTES, RosterBook
from clarion.xmpp.roster_pushes import push_contact
from clarion.xmpp.services import Services
from clarion.xmpp.subscription_states import (
    NONE,
    Kind,
    State,
    inbound,
    moved_to,
    outbound,
    state_of,
)

REQUEST_LIMIT_BYTES: Final = 10_000
"""LIMIT: a subscription request, which is kept whole until it is answered (3.1.3)."""

log = get_logger("xmpp")

subscriptions = Extension(
    Card(
        name="subscriptions",
        spec="RFC 6121, section 3",
        title="Managing Presence Subscriptions",
        stream_features=b"<sub xmlns='urn:xmpp:features:pre-approval'/>",
        needs=("roster", "presence"),
        test="tests/xmpp/test_subscriptions.py",
    )
)


@subscriptions.on_presence(*Kind)
async def send(context: Context, stanza: Stanza) -> None:
    """Take a subscription stanza from a local session (3.1.2, 3.1.5, 3.2.2, 3.3.2, 3.4.2).

    Raises:
        StanzaError: It cannot be for that address, or the roster is full.
        JidError: ``to`` is no JID.
        UnavailableError: The roster cannot be read or kept; nothing has changed.

    """
    kind = Kind(stanza.attributes["type"])
    contact = _contact(context, stanza, kind)
    services, account = context.services, context.account
    async with services.rosters.change(context.person) as book:
        if kind is Kind.SUBSCRIBE and book.teams_of(contact):
            _answer_for_colleague(context, contact)
            return
        before = book.get(contact) or RosterItem(contact, listed=False)
        step = outbound(kind, state_of(before))
        after = moved_to(before, step.state)
        if step.approved is not None:
            after = replace(after, approved=step.approved)
        if kind in {Kind.SUBSCRIBE, Kind.SUBSCRIBED} and after != before:
            after = replace(after, listed=True)
            check_room(book, after)
        if after == before and kind in {Kind.UNSUBSCRIBE, Kind.UNSUBSCRIBED}:
            _check_no_colleague(book, contact)
        await keep(book, before, after)
        _push_change(services, context.entity, book, before, after)
        if state_of(before).shows and contact not in book.watchers:
            hide_from(services, context.people, context.entity, contact)
        if step.route:
            # The addresses are bare, whatever the client wrote (3.1.2).
            raw = readdress(
                stanza, sender=account, recipient=contact, lang=context.session.lang or None
            )
            tell(services, kind, account, contact, raw)
        _show_outside(services, context.people, context.entity, contact, state_of(before), after)


async def take(services: Services, people: People, parcel: Parcel, to_address: str) -> None:
    """Take a subscription stanza for a person here (3.1.3, 3.1.6, 3.2.3, 3.3.3).

    It never fails: what the store cannot keep is logged and has no effect, as
    if it had been lost on its way.

    Args:
        services: The house.
        people: Who is on line.
        parcel: Presence of a type in ``KINDS``, between bare JIDs.
        to_address: For whom.

    """
    person = services.directory.person(to_address)
    if person is None:
        return  # section 8.5.1: nobody is told that there is nobody
    try:
        async with services.rosters.change(person) as book:
            await _take(services, people, parcel, book, to_address)
    except ClarionError as error:
        log.warning(
            "a subscription stanza was lost", kind=parcel.kind, to=to_address, why=str(error)
        )


async def correct(services: Services, people: People, address: str, contact: str) -> None:
    """End a subscription that the contact's roster does not know of (4.3.2, rule 1).

    The two disagree when the server died between the two commits of a change.
    Unlike ``unsubscribed`` on its way it does not touch a request made since.

    Raises:
        UnavailableError: The roster cannot be read or kept; nothing has changed.

    """
    person = services.directory.person(address)
    if person is None:
        return
    async with services.rosters.change(person) as book:
        other = services.rosters.cached(contact)
        item = book.get(contact)
        if item is None or not state_of(item).sees or other is None:
            return
        if address not in other.watchers:
            parcel = Parcel("presence", Kind.UNSUBSCRIBED, contact, "", b"")
            await _take(services, people, parcel, book, address)


def end(context: Context, book: RosterBook, item: RosterItem) -> None:
    """End what there is between the account and a contact it has removed (section 2.5.2).

    Requests that are open either way end too: nobody could answer them any more.
    Colleagues go on seeing each other.
    """
    services, account, state = context.services, context.account, state_of(item)
    if state.sees or state.ask:
        tell(services, Kind.UNSUBSCRIBE, account, item.contact)
    if state.shows and item.contact not in book.watchers:
        hide_from(services, context.people, context.entity, item.contact)
    if state.shows or state.pending_in:
        tell(services, Kind.UNSUBSCRIBED, account, item.contact)


def check_room(book: RosterBook, item: RosterItem) -> None:
    """Make sure that an item that is new or has changed fits in.

    Raises:
        StanzaError: The roster would have more than ``ROSTER_LIMIT`` entries or
            ``ROSTER_LIMIT_BYTES``, open requests among them.

    """
    if not book.has_room(item):
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            f"the roster is full: it may have {ROSTER_LIMIT} contacts and {ROSTER_LIMIT_BYTES}"
            " bytes, open requests among them; remove a contact or answer a request first",
        )


async def keep(book: RosterBook, before: RosterItem, after: RosterItem) -> None:
    """Keep an item that may have changed; one that says nothing any more is removed.

    Raises:
        UnavailableError: Nothing has changed.

    """
    if after == before:
        return
    if after.listed or state_of(after) != NONE or after.approved:
        await book.put(after, visible=_seen(after) != _seen(before))
    else:
        await book.remove(after.contact)


def _contact(context: Context, stanza: Stanza, kind: Kind) -> str:
    to = stanza.attributes.get("to")
    if to is None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"{kind} needs to say whom it is for")
    recipient = parse_jid(to)
    check_reachable(context.services, recipient)
    if recipient.bare == context.account:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED, "everybody sees their own presence without asking"
        )
    if context.services.directory.department(recipient.bare) is not None:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            f"{recipient.bare} is a department; it has no presence of its own",
        )
    if kind is Kind.SUBSCRIBE and len(stanza.raw) > REQUEST_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION,
            f"a subscription request may have {REQUEST_LIMIT_BYTES} bytes",
        )
    return recipient.bare


async def _take(
    services: Services, people: People, parcel: Parcel, book: RosterBook, owner: str
) -> None:
    kind, contact = Kind(parcel.kind), parcel.sender
    before = book.get(contact) or RosterItem(contact, listed=False)
    old = state_of(before)
    step = inbound(kind, old, approved=before.approved)
    after = moved_to(before, step.state, parcel.stanza)
    if kind is Kind.SUBSCRIBE and after != before and not book.has_room(after):
        # Who asks is told no at once, rather than left to wait for ever.
        tell(services, Kind.UNSUBSCRIBED, owner, contact)
        return
    await keep(book, before, after)
    entity = people.get(owner)
    if entity is not None:
        if step.deliver and parcel.stanza:
            _deliver(entity, kind, parcel.stanza)
        _push_change(services, entity, book, before, after)
        _show_or_hide(services, people, entity, book, contact, old=old, new=step.state)
    if step.reply:
        tell(services, Kind.SUBSCRIBED, owner, contact)
        if entity is not None:
            _show_outside(services, people, entity, contact, old, after)


def _answer_for_colleague(context: Context, contact: str) -> None:
    """Answer a request for what there is already: members of a department see each other.

    Nothing is kept, and the contact is not asked (section 3.1.3).
    """
    services, session, account = context.services, context.session, context.account
    _deliver(context.entity, Kind.SUBSCRIBED, plain(Kind.SUBSCRIBED, contact).to(account))
    if session.presence is not None:
        show_to(services, context.people, account, contact, [session])


def _check_no_colleague(book: RosterBook, contact: str) -> None:
    """Say why nothing ends where only a department lets two people see each other.

    Raises:
        StanzaError: The two are in one department.

    """
    teams = book.teams_of(contact)
    if teams:
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED,
            f"{contact} is in your department {teams[0].name!r}, whose people see each other",
        )


def _deliver(entity: PersonEntity, kind: Kind, stanza: bytes) -> None:
    """Requests go to available sessions (3.1.3), the rest to interested ones (3.1.6)."""
    for session in entity.sessions.values():
        wanted = session.presence is not None if kind is Kind.SUBSCRIBE else session.interested
        if wanted:
            session.send(stanza)


def _show_or_hide(
    services: Services,
    people: People,
    entity: PersonEntity,
    book: RosterBook,
    contact: str,
    *,
    old: State,
    new: State,
) -> None:
    if new.sees and not old.sees:
        # Section 3.1.5: presence follows the approval. It is fetched here and
        # not sent from there, so that it cannot overtake it.
        show_to(services, people, entity.address, contact, entity.available())
        introduce(services, people, entity.address, (contact,))
        introduce(services, people, contact, (entity.address,))
    if old.shows and contact not in book.watchers:
        hide_from(services, people, entity, contact)


def _show_outside(
    services: Services,
    people: People,
    entity: PersonEntity,
    contact: str,
    old: State,
    after: RosterItem,
) -> None:
    """Send presence to a contact of another server who may see it now (3.1.5).

    One of ours fetches it (``_show_or_hide``).
    """
    if state_of(after).shows and not old.shows and services.is_outside(contact):
        for session in entity.available():
            to_person(services, people, shown(session), contact)
        if services.afar is not None:
            greet_afar(services, services.afar.greet_again(entity.address, contact))


def _push_change(
    services: Services,
    entity: PersonEntity,
    book: RosterBook,
    before: RosterItem,
    after: RosterItem,
) -> None:
    if _seen(after) != _seen(before):
        push_contact(entity.sessions.values(), book, after.contact, services.token)


def _seen(item: RosterItem) -> RosterItem | None:
    """Return what clients see of an item."""
    return replace(item, pending_in=None) if item.listed else None
