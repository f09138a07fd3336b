"""What a client asks of an archive: the query as the archive understands it (XEP-0313 4.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.core.archive import PageQuery, ThreadId, pair_thread
from clarion.core.seal import Seal
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, LAST, ItemId, before, earliest
from clarion.wire.xml import serialise
from clarion.wire.xmpp import forms
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.result_set import RsmRequest, find_request
from clarion.wire.xmpp.stamps import microseconds

NS: Final = "urn:xmpp:mam:2"
QUERY: Final = f"{{{NS}}}query"
METADATA: Final = f"{{{NS}}}metadata"
PAGE: Final = 50  # items of a page where the client names no number
PAGE_LIMIT: Final = 100  # LIMIT: items of a page, whatever the client asks for (section 4.3.1)
IDS_LIMIT: Final = PAGE_LIMIT  # LIMIT: items asked for one by one (section 4.1.3)

_FLIP: Final = f"{{{NS}}}flip-page"
_VALIDATE: Final = "http://jabber.org/protocol/xdata-validate"
_FIELDS: Final = (
    forms.type_field(NS),
    Field("with", kind=FieldKind.JID_SINGLE),
    Field("start", kind=FieldKind.TEXT_SINGLE),
    Field("end", kind=FieldKind.TEXT_SINGLE),
    Field("before-id", kind=FieldKind.TEXT_SINGLE),
    Field("after-id", kind=FieldKind.TEXT_SINGLE),
    Field("ids", kind=FieldKind.LIST_MULTI),
    Field("include-groupchat", kind=FieldKind.BOOLEAN),
)
Parties = Callable[[str | None], tuple[ThreadId | None, str | None]]
"""What the field ``with`` means: the thread, and the full JID where one is named."""

_KNOWN: Final = frozenset({"", *(field.name for field in _FIELDS)})  # "": fixed text


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of its archive.

    Attributes:
        query: The page; what ``after`` and ``before`` named is in its bounds.
        known: Items that must be in the archive for the request to make sense.
        count_only: Nothing but the number of items is wanted (XEP-0059 section 2.7).
        flipped: The page is to be sent newest first (section 4.3.4).
        from_start: No earlier page was named.
        to_end: No later page was named.

    """

    query: PageQuery
    known: tuple[ItemId, ...]
    count_only: bool
    flipped: bool
    from_start: bool
    to_end: bool


def parties_of(account: str, text: str | None) -> tuple[ThreadId | None, str | None]:
    """Return what ``with`` means in the archive of a person (section 4.1.1).

    Args:
        account: The person's bare JID.
        text: As the client wrote it; ``None``: it did not.

    Returns:
        The thread, and the full JID where one is named.

    Raises:
        JidError: It is no JID.

    """
    if not text:
        return None, None
    jid = parse_jid(text)
    party = jid.full if jid.resource else None
    if party is not None and jid.bare == account:
        return None, party  # one's own client: whatever it sent or was sent, by anybody
    return pair_thread(account, jid.bare), party


def form_payload() -> bytes:
    """Return the form that names the fields (section 4.1.5)."""
    form = Form(FormKind.FORM, _FIELDS).to_element()
    for field in form:
        if field.get("var") == "ids":
            # Any id may be given: no list of all of them could be sent.
            validate = SubElement(field, f"{{{_VALIDATE}}}validate", {"datatype": "xs:string"})
            SubElement(validate, f"{{{_VALIDATE}}}open")
    return b"<query xmlns='%s'>%s</query>" % (NS.encode(), serialise(form, NS))


def read_request(payload: Element, seal: Seal, parties: Parties) -> Request:
    """Read a ``<query/>``.

    Args:
        payload: What was asked.
        seal: Opens the ids of items.
        parties: Says what ``with`` means in this archive.

    Raises:
        PeerError: It cannot be understood.
        JidError: ``with`` is no JID.
        StanzaError: It asks for what is not here.

    """
    if payload.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "this archive has no nodes")
    rsm = find_request(payload) or RsmRequest()
    if rsm.index is not None:
        # XEP-0059 section 2.6: refused where finding a place would be dear.
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, "ask for a page by after or before"
        )
    form = _read_form(payload.find(forms.TAG))
    thread, party = parties(form.value("with"))
    lower, upper = _span(form)
    ids = _ids(seal, form)
    known = list(ids or ())
    for name in (form.value("after-id"), rsm.after):
        if name:
            known.append(_open(seal, name))
            lower = max(lower, known[-1])
    for name in (form.value("before-id"), rsm.before):
        if name:
            known.append(_open(seal, name))
            upper = min(upper, known[-1])
    form.flag("include-groupchat")  # a person's archive has none, a room's nothing else
    limit = PAGE if rsm.maximum is None else min(rsm.maximum, PAGE_LIMIT)
    return Request(
        PageQuery(thread, party, lower, upper, limit, newest=rsm.backwards, ids=ids),
        tuple(known),
        count_only=rsm.maximum == 0,
        flipped=payload.find(_FLIP) is not None,
        from_start=not rsm.after,
        to_end=not rsm.before,
    )


def unknown_item() -> StanzaError:
    """Return the refusal of an id that is not in the archive (section 4.1.3)."""
    return StanzaError(StanzaCondition.ITEM_NOT_FOUND, "no such item is in this archive")


def _read_form(element: Element | None) -> Form:
    if element is None:
        return Form(FormKind.SUBMIT)
    form = forms.parse_form(element)
    if form.kind is not FormKind.SUBMIT or form.form_type != NS:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the form must be a submitted {NS}")
    for field in form.fields:
        if field.name not in _KNOWN:
            raise StanzaError(
                StanzaCondition.FEATURE_NOT_IMPLEMENTED, f"there is no field {field.name}"
            )
    return form


def _span(form: Form) -> tuple[ItemId, ItemId]:
    """Return the ids between which the items of a span of time lie (section 4.1.2)."""
    start, end = form.value("start"), form.value("end")
    # Items are stamped in whole milliseconds; both ends belong to the span.
    lower = before(earliest(-(-microseconds(start) // 1000) / 1000)) if start else FIRST
    upper = earliest((microseconds(end) // 1000 + 1) / 1000) if end else LAST
    return lower, upper


def _ids(seal: Seal, form: Form) -> tuple[ItemId, ...] | None:
    names = dict.fromkeys(form.values("ids"))
    if len(names) > IDS_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"ask for {IDS_LIMIT} ids at most, not {len(names)}"
        )
    return tuple(_open(seal, name) for name in names) if names else None


def _open(seal: Seal, sealed: str) -> ItemId:
    try:
        return seal.open(sealed)
    except UsageError:
        raise unknown_item() from None
