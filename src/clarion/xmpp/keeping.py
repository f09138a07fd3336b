"""What is kept of a message, and whose archives show it.

By its kind (XEP-0313 section 5.1.3, XEP-0160 section 3), by its sender's hints
(XEP-0334) and by what each side wants (XEP-0441). A message that is worth
keeping always gets an item and waits for its recipient; an archive that does
not want it only does not show it (docs/decisions/0008-passing-items.md).
"""

from asyncio import Future
from typing import Any, Final

from clarion.core.archive import Item, Keeping, Owner, Retraction
from clarion.core.model import Person
from clarion.core.preferences import Policy
from clarion.lib.ids import seconds
from clarion.wire.xml import escape
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import BODY
from clarion.wire.xmpp.payloads import (
    DELAYED,
    FALLBACK,
    HINTS,
    MARKER,
    MARKER_REQUEST,
    NO_PERMANENT_STORE,
    NO_STORE,
    OLD_MARKERS,
    REACTIONS,
    REACTIONS_NS,
    RECEIPT,
    RECEIPT_REQUEST,
    RETRACT,
    RETRACTION,
    STATES,
    STORE,
    THREAD,
)
from clarion.wire.xmpp.stamps import ORIGIN_ID, STANZA_ID, utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.services import Services

# What alone makes no message worth keeping (XEP-0313 section 5.1.3, XEP-0160 section 3).
_FLEETING: Final = (
    STATES | HINTS | {THREAD, ORIGIN_ID, STANZA_ID, MARKER_REQUEST, RECEIPT_REQUEST, DELAYED}
)
# What tells of another message: kept, but nobody reads it.
_ABOUT_OTHERS: Final = OLD_MARKERS | {RECEIPT, MARKER, RETRACT, REACTIONS}
_TOLD_BY_FALLBACK: Final = ((RETRACT, RETRACTION), (REACTIONS, REACTIONS_NS))
_ARCHIVED: Final = Keeping.ARCHIVED  # looked up once, not per message
_KEEPING: Final = {
    Policy.ALWAYS: Keeping.ARCHIVED,
    Policy.NEVER: Keeping.PASSING,
    Policy.ROSTER: Keeping.CONTACTS,
}


def worth_keeping(stanza: Stanza) -> bool:
    """Say whether a message of type chat or normal is kept at all (XEP-0334 section 4).

    Of the hints, ``no-store`` wins over ``store``: what was kept by mistake
    cannot be taken back.
    """
    children = stanza.children
    if NO_STORE in children:
        return False
    return (
        BODY in children or STORE in children or any(child not in _FLEETING for child in children)
    )


def countable(stanza: Stanza) -> bool:
    """Say whether people read a message that is kept."""
    children = stanza.children
    if BODY in children:
        return FALLBACK not in children or not _falls_back(stanza)
    if any(child in _ABOUT_OTHERS for child in children):
        return False
    return any(child not in _FLEETING for child in children)


def keep(
    context: Context, stanza: Stanza, item: Item, recipient: Person | None
) -> tuple[Future[Any], tuple[bool, bool]]:
    """Append a message from a local session to the archives that want it.

    Args:
        context: The sender's.
        stanza: As it came.
        item: What is kept of it.
        recipient: A person of ours, perhaps the sender; ``None``: somebody of
            another server, whose archive is that one's.

    Returns:
        The future of its commit; whether the recipient's archive will show
        it, so that its id means something there, and the sender's. Where the
        roster decides, as it is in memory.

    """
    sender, preferences = context.person, context.services.preferences
    if recipient is None:
        own = keeping(context, stanza, item, sender)
        retraction = _retraction(stanza, item) if RETRACT in stanza.children else None
        owners = [Owner(sender.number, incoming=False, keeping=own)]
        kept = context.services.archive.append(item, owners, retraction)
        return kept, (False, _shows(context.services, own, sender, item.recipient))
    theirs = own = _ARCHIVED
    if (
        NO_PERMANENT_STORE in stanza.children
        or preferences.of(recipient.number) is not None
        or preferences.of(sender.number) is not None
    ):
        theirs = keeping(context, stanza, item, recipient)
        own = keeping(context, stanza, item, sender)
    owners = [Owner(recipient.number, incoming=True, keeping=theirs)]
    if recipient.number != sender.number:
        owners.append(Owner(sender.number, incoming=False, keeping=own))
    retraction = _retraction(stanza, item) if RETRACT in stanza.children else None
    kept = context.services.archive.append(item, owners, retraction)
    if theirs is own is _ARCHIVED:
        return kept, (True, True)
    return kept, (
        _shows(context.services, theirs, recipient, item.sender),
        _shows(context.services, own, sender, item.recipient),
    )


def keep_arrived(
    services: Services, stanza: Stanza, item: Item, recipient: Person
) -> tuple[Future[Any], bool]:
    """Append a message that another server brought to its recipient's archive.

    Returns:
        The future of its commit; whether the archive will show it.

    """
    theirs = _wanted(services, stanza, recipient, item.sender)
    retraction = _retraction(stanza, item) if RETRACT in stanza.children else None
    owners = [Owner(recipient.number, incoming=True, keeping=theirs)]
    kept = services.archive.append(item, owners, retraction)
    return kept, _shows(services, theirs, recipient, item.sender)


def keeping(context: Context, stanza: Stanza, item: Item, owner: Person) -> Keeping:
    """Say whether the archive of the sender or the recipient will show an item.

    What is matched is ``from`` of what came and ``to`` of what goes (XEP-0441
    sections 2.3.2 and 2.3.3).
    """
    outgoing = owner.number == context.person.number
    other = item.recipient if outgoing else item.sender
    return _wanted(context.services, stanza, owner, other)


def _wanted(services: Services, stanza: Stanza, owner: Person, other: str) -> Keeping:
    """Say whether an owner's archive will show what passed between them and ``other``."""
    if NO_PERMANENT_STORE in stanza.children:
        return Keeping.PASSING
    chosen = services.preferences.of(owner.number)
    if chosen is None:
        return Keeping.ARCHIVED
    wanted = _KEEPING[chosen.policy(other)]
    if wanted is Keeping.CONTACTS and services.rosters.departments is not None:
        # People of the owner's departments are in the roster, but not in its table.
        bare = other.partition("/")[0]
        teams = services.rosters.departments.of(owner.address)
        if any(bare in team.members for team in teams):
            return Keeping.ARCHIVED
    return wanted


def _shows(services: Services, kept: Keeping, owner: Person, other: str) -> bool:
    """Say whether an archive will show an item, as far as is known before its commit.

    The roster of who is available is in memory; to who is not, little is sent
    before the commit.
    """
    if kept is not Keeping.CONTACTS:
        return kept is Keeping.ARCHIVED
    book = services.rosters.cached(owner.address)
    if book is None:
        return True
    contact = book.get(parse_jid(other).bare)
    return contact is not None and contact.listed


def _retraction(stanza: Stanza, item: Item) -> Retraction | None:
    """Read ``<retract/>`` (XEP-0424 sections 3 and 4).

    A tombstone must name the retraction's ``id``: one without is sent on only.
    """
    message_id = stanza.child_attribute(RETRACT, "id")
    if not message_id or not item.message_id:
        return None
    kind = stanza.attributes.get("type", "")
    start = f"<message type='{escape(kind)}'>" if kind else "<message>"
    tombstone = (
        f"{start}<retracted xmlns='{RETRACTION}' id='{escape(item.message_id)}'"
        f" stamp='{utc(seconds(item.id))}'/></message>"
    )
    return Retraction(message_id, tombstone.encode())


def _falls_back(stanza: Stanza) -> bool:
    """Say whether the body is for those who know no retractions or reactions (XEP-0428)."""
    meant = {told for tag, told in _TOLD_BY_FALLBACK if tag in stanza.children}
    return any(
        child == FALLBACK and attributes.get("for") in meant
        for child, attributes in zip(stanza.children, stanza.child_attributes, strict=False)
    )
