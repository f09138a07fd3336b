"""Where a stanza from a local session goes (RFC 6121 section 8, RFC 6120 section 10).

Refusals are raised here, before anything is kept; what passes is archived and
handed to the recipient's entity, which chooses the sessions (``person.py``).
"""

from asyncio import Future
from typing import Any, Final

from clarion.core.archive import Item, ThreadId, pair_thread
from clarion.core.ledger import Act, Door
from clarion.core.model import Person
from clarion.core.ports import ItemRef, Parcel, domain_entity, person_entity
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, JidError, parse_jid
from clarion.wire.xmpp.names import BODY, IQ, XML_LANG
from clarion.wire.xmpp.payloads import MARKER_REQUEST
from clarion.wire.xmpp.splice import append_child, drop_children, readdress
from clarion.wire.xmpp.stamps import MARKABLE, ORIGIN_ID, STANZA_ID, stanza_id
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import keeping
from clarion.xmpp.context import Context
from clarion.xmpp.copies import copied, fleeting
from clarion.xmpp.displayed import DISPLAYED, without_displayed
from clarion.xmpp.refusals import check_reachable

MESSAGE_TYPES: Final = frozenset({"normal", "chat", "groupchat", "headline", "error"})

_BLOCKED: Final = b"<blocked xmlns='urn:xmpp:blocking:errors'/>"


def recipient_of(context: Context, stanza: Stanza) -> Jid:
    """Return whom a stanza is for; without ``to`` the sender's own account (RFC 6120 10.3).

    Raises:
        JidError: ``to`` is no JID.

    """
    to = stanza.attributes.get("to")
    if to is None:
        return parse_jid(context.account)
    return parse_jid(to)


def local_person(context: Context, recipient: Jid) -> Person:
    """Return the person whom a JID of our domain names.

    Raises:
        StanzaError: The domain is not served, or there is no such person (8.5.1).

    """
    services = context.services
    check_reachable(services, recipient)
    person = services.directory.person(recipient.bare)
    if person is None or person.disabled:
        raise _nobody_or_department(context, recipient)
    return person


def _nobody_or_department(context: Context, recipient: Jid) -> StanzaError:
    services = context.services
    department = services.directory.department(recipient.bare)
    if department is None:
        return _nobody(recipient)
    room = None if services.book is None else services.book.of_department(department.number)
    if room is None:
        return StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE,
            f"{recipient.bare} is a department, which has no room yet; write to its people",
        )
    return StanzaError(
        StanzaCondition.GONE,
        f"{recipient.bare} is a department; its people talk in {room.address}",
        uri=f"xmpp:{room.address}?join",
    )


def check_blocking(context: Context, stanza: Stanza) -> None:
    """Refuse what is for somebody whom the sender has blocked (XEP-0191 section 3.3).

    Ask only where ``services.blocking.lists`` holds any.

    Raises:
        StanzaError: The sender is told so.

    """
    blocked = context.services.blocking.of(context.account)
    to = stanza.attributes.get("to")
    if blocked is None or to is None:
        return
    try:
        recipient = parse_jid(to)
    except JidError:
        return  # for whoever handles the stanza to refuse
    if not blocked.blocks(recipient):
        return
    if recipient.full == context.services.domain and stanza.tag == IQ and _answers(stanza):
        return  # an answer to the server's own ping goes nowhere; it proves that the client is here
    raise StanzaError(
        StanzaCondition.NOT_ACCEPTABLE,
        f"you have blocked {recipient.full}",
        kind=ErrorType.CANCEL,
        application=_BLOCKED,
    )


def _answers(stanza: Stanza) -> bool:
    return stanza.attributes.get("type") in {"result", "error"}


def is_blocked_by(context: Context, recipient: Jid) -> bool:
    """Whether the recipient has blocked the sender, to whom that is not told (section 3.3)."""
    blocked = context.services.blocking.of(recipient.bare)
    return blocked is not None and blocked.blocks(context.session.jid)


def _nobody(recipient: Jid) -> StanzaError:
    return StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"there is no {recipient.bare} here")


def route_message(context: Context, stanza: Stanza) -> Future[Any] | None:
    """Send a message on its way.

    Returns:
        A future that resolves when the message is committed; ``None`` when
        there is nothing to wait for.

    Raises:
        StanzaError: It cannot be delivered; nothing was kept.
        JidError: ``to`` is no JID.

    """
    if DISPLAYED in stanza.children:
        stanza = without_displayed(stanza)
    kind = stanza.attributes.get("type", "normal")
    if kind not in MESSAGE_TYPES:
        kind = "normal"  # RFC 6121 section 5.2.2
    recipient = recipient_of(context, stanza)
    services = context.services
    if recipient.domain == services.domain and not recipient.local:
        if kind == "error":
            return None
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, "the server itself reads no messages"
        )
    if services.outside is not None and services.is_outside(recipient.bare):
        return _route_outside(context, stanza, recipient, kind)
    person = local_person(context, recipient)
    if is_blocked_by(context, recipient):
        if kind == "error":
            return None
        raise _nobody(recipient)
    if not _deliverable(context, recipient, kind):
        return None
    read = kind in {"chat", "normal"}
    if read and keeping.worth_keeping(stanza):
        raw = _stamped(context, stanza, recipient, kind)
        return _keep_and_send(context, stanza, recipient, person, kind, raw)
    if read and BODY in stanza.children and not _heard(context, recipient):
        # Section 8.5.2.2.1: what is not kept (XEP-0334) and reaches nobody is refused.
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE,
            f"{recipient.bare} is not on line, and the message is not to be kept",
        )
    _send(context, stanza, recipient, kind, _stamped(context, stanza, recipient, kind))
    return None


def _route_outside(
    context: Context, stanza: Stanza, recipient: Jid, kind: str
) -> Future[Any] | None:
    """Send a message to another domain; who is there, and takes it, is for that to say."""
    raw = _stamped(context, stanza, recipient, kind)
    if kind in {"chat", "normal"} and keeping.worth_keeping(stanza):
        return _keep_and_send(context, stanza, recipient, None, kind, raw)
    _send(context, stanza, recipient, kind, raw)
    return None


def _heard(context: Context, recipient: Jid) -> bool:
    """Whether some session takes a message for ``recipient`` now."""
    return any(
        ref.resource == recipient.resource or (ref.priority is not None and ref.priority >= 0)
        for ref in context.services.sessions.of(recipient.bare)
    )


def _send(
    context: Context,
    stanza: Stanza,
    recipient: Jid,
    kind: str,
    raw: bytes,
    sealed: tuple[str, str] = ("", ""),
    ref: ItemRef | None = None,
) -> None:
    """Hand a message to its recipient, and copies to the sender's other clients (XEP-0280).

    Args:
        context: The sender's.
        stanza: As it came.
        recipient: Whom it is for.
        kind: Its type.
        raw: As it goes, our stanza-id aside.
        sealed: Its stanza-id in the recipient's archive and in the sender's;
            ``""``: that one does not show it.
        ref: The item that is kept.

    """
    full, resource = context.session.full, recipient.resource
    copy = stanza.attributes.get("id", "") if copied(stanza, kind) else None
    passing = ref is None and fleeting(stanza, kind)
    theirs, own = sealed
    stamped = append_child(raw, stanza_id(recipient.bare, theirs)) if theirs else raw
    parcel = Parcel("message", kind, full, resource, stamped, ref, copy, passing)
    context.services.router.to_entity(context.services.entity(recipient.bare), parcel)
    copiers = context.entity.copiers
    # What people send to themselves is copied once, as it comes in.
    if copiers is not None and copy is not None and recipient.bare != context.account:
        if not copiers.others(context.session):
            return
        stamped = append_child(raw, stanza_id(context.account, own)) if own else raw
        parcel = Parcel("message", kind, full, resource, stamped, None, copy, passing)
        copiers.sent(context.session, recipient.bare, parcel)


def _deliverable(context: Context, recipient: Jid, kind: str) -> bool:
    """Apply sections 8.5.2 and 8.5.3; ``False``: drop without a word.

    Raises:
        StanzaError: The sender must be told.

    """
    if recipient.resource:
        refs = context.services.sessions.of(recipient.bare)
        if any(ref.resource == recipient.resource for ref in refs) or kind == "chat":
            return True
        if kind in {"headline", "error"}:
            return False
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"{recipient.full} is not on line")
    if kind == "groupchat":
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, f"{recipient.bare} is a person, not a room"
        )
    return kind != "error"


def _stamped(context: Context, stanza: Stanza, recipient: Jid, kind: str) -> bytes:
    """Return the bytes as the recipient gets them, our stanza-id aside."""
    session = context.session
    attributes = stanza.attributes
    lang = session.lang if session.lang and XML_LANG not in attributes else None
    if STANZA_ID in stanza.children:
        ours = {recipient.bare, context.account, context.services.domain}
        stanza = without_ids_of(ours, stanza)
    to = None if "to" in attributes else recipient.bare
    raw = readdress(stanza, sender=session.full, recipient=to, lang=lang)
    asked = (
        context.services.ask_for_marks
        and kind in {"chat", "normal"}
        and BODY in stanza.children
        and bool(attributes.get("id"))
        and MARKER_REQUEST not in stanza.children
        and recipient.bare != context.account
        and recipient.domain == context.services.domain
    )
    return append_child(raw, MARKABLE) if asked else raw


def without_ids_of(ours: set[str], stanza: Stanza) -> Stanza:
    """Return a message without stanza-ids in our name, which are ours alone to give (0359 5)."""
    cut = drop_children(
        stanza.raw,
        lambda tag, given: tag == STANZA_ID and _in_name_of(ours, given.get("by", "")),
    )
    return Stanza(stanza.tag, stanza.attributes, stanza.children, cut, stanza.child_attributes)


def _in_name_of(ours: set[str], by: str) -> bool:
    """Say whether ``by`` is one of our addresses, in whatever spelling."""
    try:
        return parse_jid(by).full in ours
    except JidError:
        return False


def _keep_and_send(
    context: Context, stanza: Stanza, recipient: Jid, person: Person | None, kind: str, raw: bytes
) -> Future[Any] | None:
    services, session, entity = context.services, context.session, context.entity
    message_id = stanza.attributes.get("id", "")
    origin_id = stanza.child_attribute(ORIGIN_ID, "id")
    if origin_id:
        known = entity.sent.resent(recipient.bare, origin_id, raw)
        if known is not None:
            # Sent again for want of an acknowledgement: kept and delivered once.
            return entity.commit_of(known)
    thread = pair_thread(context.account, recipient.bare)
    countable = keeping.countable(stanza)
    item = Item(
        services.mint.item(),
        thread,
        session.full,
        recipient.full,
        message_id,
        origin_id,
        raw,
        countable,
    )
    kept, shown = keeping.keep(context, stanza, item, person)
    entity.note_sent(recipient.bare, item, kept)
    if countable:
        note_reply(context, thread)
    ref = ItemRef(item.id, thread if countable else None)
    name = services.seal.seal(item.id)
    sealed = (name if shown[0] else "", name if shown[1] else "")
    _send(context, stanza, recipient, kind, raw, sealed, ref)
    return kept


def note_reply(context: Context, thread: ThreadId) -> None:
    """A reply reads what had reached the session that replies, and no more."""
    reached = context.session.reached.get(thread)
    if reached is not None:
        services = context.services
        services.ledger.move(
            thread, context.account, reached, services.clock.wall(), Door.CHAT, Act.REPLIED
        )


def forward_iq(context: Context, stanza: Stanza, recipient: Jid) -> None:
    """Send an iq to the session that its full JID names (8.5.3.1 and 8.5.3.2.3).

    Raises:
        StanzaError: It is a request, and nobody is there.

    """
    kind = stanza.attributes.get("type", "")
    request = kind in {"get", "set"}
    if recipient.domain != context.services.domain:
        if request:
            check_reachable(context.services, recipient)
        if context.services.is_outside(recipient.bare):
            send_outside(context, stanza, recipient)
        return
    refs = context.services.sessions.of(recipient.bare)
    if not any(ref.resource == recipient.resource for ref in refs):
        if request:
            raise StanzaError(
                StanzaCondition.SERVICE_UNAVAILABLE, f"{recipient.full} is not on line"
            )
        return
    raw = readdress(stanza, sender=context.session.full)
    parcel = Parcel("iq", kind, context.session.full, recipient.resource, raw)
    context.services.router.to_entity(person_entity(recipient.bare), parcel)


def send_outside(context: Context, stanza: Stanza, recipient: Jid) -> None:
    """Send an iq to another domain, which has the answer."""
    session = context.session
    raw = readdress(stanza, sender=session.full, lang=session.lang or None)
    kind = stanza.attributes.get("type", "")
    parcel = Parcel("iq", kind, session.full, recipient.resource, raw)
    context.services.router.to_entity(domain_entity(recipient.domain), parcel)
