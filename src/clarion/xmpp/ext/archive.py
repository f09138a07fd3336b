"""Message archive management: a person's messages, page by page (XEP-0313 1.1.3, XEP-0059).

The ids of an archive's items are their stanza-ids (XEP-0359), which tell
nothing of their order; behind them are item ids, whose order is that of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.archive import Item, Page, PageQuery, ThreadId, pair_thread
from clarion.core.ports import ItemRef
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, LAST, ItemId, before, earliest, seconds
from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp import forms
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.result_set import NS as RSM
from clarion.wire.xmpp.result_set import RsmAnswer, RsmRequest, find_request
from clarion.wire.xmpp.splice import with_namespace
from clarion.wire.xmpp.stamps import DELAY, microseconds, utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "urn:xmpp:mam:2"
FORWARD: Final = "urn:xmpp:forward:0"
QUERY: Final = f"{{{NS}}}query"
PAGE: Final = 50  # items of a page where the client names no number
PAGE_LIMIT: Final = 100  # LIMIT: items of a page, whatever the client asks for (section 4.3.1)

_FLIP: Final = f"{{{NS}}}flip-page"
_FIELDS: Final = (
    forms.type_field(NS),
    Field("with", kind=FieldKind.JID_SINGLE),
    Field("start", kind=FieldKind.TEXT_SINGLE),
    Field("end", kind=FieldKind.TEXT_SINGLE),
)
_KNOWN: Final = frozenset({"", *(field.name for field in _FIELDS)})  # "": fixed text
_FORM: Final = b"<query xmlns='%s'>%s</query>" % (
    NS.encode(),
    serialise(Form(FormKind.FORM, _FIELDS).to_element(), NS),
)

archive = Extension(
    Card(
        name="archive",
        spec="XEP-0313",
        title="Message Archive Management",
        version="1.1.3",
        status="partial",
        missing="urn:xmpp:mam:2#extended (before-id, after-id, ids, flipped pages, metadata) "
        "and the include-groupchat field",
        test="tests/xmpp/test_archive.py",
        account_features=(NS, RSM),
        needs=("stanza_ids", "delay"),
    )
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of its archive.

    Attributes:
        query: The page; what ``after`` and ``before`` named is in its bounds.
        known: Items that must be in the archive for the request to make sense.
        count_only: Nothing but the number of items is wanted (XEP-0059 section 2.7).

    """

    query: PageQuery
    known: tuple[ItemId, ...]
    count_only: bool


@archive.on_iq("get", QUERY, at=("account",))
def form(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Tell by which fields an archive can be searched (section 4.1.5)."""
    return _FORM


@archive.on_iq("get", QUERY, at=("contact",))
@archive.on_iq("set", QUERY, at=("contact",))
def somebody_elses(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Refuse (section 8.1).

    Raises:
        StanzaError: Always.

    """
    raise StanzaError(StanzaCondition.FORBIDDEN, "an archive is open to its owner only")


@archive.on_iq("set", QUERY, at=("account",))
async def search(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Send a page of the archive, oldest first, then say which page it was (section 4.2).

    Raises:
        PeerError: The request cannot be understood.
        StanzaError: It asks for what is not here.
        UnavailableError: The store cannot answer.

    """
    request = read_request(context, payload)
    owner = context.person.number
    kept = context.services.archive
    for item in request.known:
        if not await kept.has(owner, item):
            raise _unknown_item()
    if request.count_only:
        number = await kept.count(owner, request.query)
        return _fin(RsmAnswer(count=number), complete=number == 0)
    line = context.session.line
    if line is not None:
        await line.drained()  # one page at most waits for a client that reads slowly
    page = _fitting(context, request.query, await kept.page(owner, request.query))
    sealed = _send_page(context, payload.get("queryid"), request.query, page)
    ends = (sealed[0], sealed[-1]) if sealed else (None, None)
    return _fin(RsmAnswer(*ends), complete=page.complete)


def read_request(context: Context, payload: Element) -> Request:
    """Read a ``<query/>``.

    Raises:
        PeerError: It cannot be understood.
        JidError: ``with`` is no JID.
        StanzaError: It asks for what is not here.

    """
    if payload.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "a person's archive has no nodes")
    if payload.find(_FLIP) is not None:
        raise StanzaError(StanzaCondition.FEATURE_NOT_IMPLEMENTED, "pages cannot be flipped here")
    rsm = find_request(payload) or RsmRequest()
    if rsm.index is not None:
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, "ask for a page by after or before"
        )
    thread, party, lower, upper = _filters(context, payload.find(forms.TAG))
    known = []
    if rsm.after is not None:
        known.append(_open(context, rsm.after))
        lower = max(lower, known[-1])
    if rsm.before:
        known.append(_open(context, rsm.before))
        upper = min(upper, known[-1])
    limit = PAGE if rsm.maximum is None else min(rsm.maximum, PAGE_LIMIT)
    query = PageQuery(thread, party, lower, upper, limit, newest=rsm.backwards)
    return Request(query, tuple(known), count_only=rsm.maximum == 0)


def _filters(
    context: Context, element: Element | None
) -> tuple[ThreadId | None, str | None, ItemId, ItemId]:
    """Return thread, full JID, and the ids between which the items lie (section 4.1)."""
    if element is None:
        return None, None, FIRST, LAST
    wanted = forms.parse_form(element)
    if wanted.kind is not FormKind.SUBMIT or wanted.form_type != NS:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the form must be a submitted {NS}")
    for field in wanted.fields:
        if field.name not in _KNOWN:
            raise StanzaError(
                StanzaCondition.FEATURE_NOT_IMPLEMENTED, f"there is no field {field.name}"
            )
    thread, party = _with(context, wanted.value("with"))
    start, end = wanted.value("start"), wanted.value("end")
    # Items are stamped in whole milliseconds; both ends belong to the span.
    lower = before(earliest(-(-microseconds(start) // 1000) / 1000)) if start else FIRST
    upper = earliest((microseconds(end) // 1000 + 1) / 1000) if end else LAST
    return thread, party, lower, upper


def _with(context: Context, text: str | None) -> tuple[ThreadId | None, str | None]:
    if not text:
        return None, None
    jid = parse_jid(text)
    party = jid.full if jid.resource else None
    if party is not None and jid.bare == context.account:
        return None, party  # one's own client: whatever it sent or was sent, by anybody
    return pair_thread(context.account, jid.bare), party


def _open(context: Context, sealed: str) -> ItemId:
    try:
        return context.services.seal.open(sealed)
    except UsageError:
        raise _unknown_item() from None


def _unknown_item() -> StanzaError:
    return StanzaError(StanzaCondition.ITEM_NOT_FOUND, "no such item is in this archive")


def _fitting(context: Context, query: PageQuery, page: Page) -> Page:
    """Cut a page that would fill more than half of what may wait for the client.

    A server may send fewer results than it was asked for (section 4.3.1); the
    client sees that the page is not complete and asks on.
    """
    limits, outbound = context.services.limits, context.session.outbound
    count, size_bytes = limits.unacknowledged_stanzas, limits.unacknowledged_bytes
    if outbound is not None:
        count -= len(outbound)
        size_bytes -= outbound.size_bytes
    room_bytes = min(size_bytes, limits.send_queue_bytes) // 2
    items = list(reversed(page.items)) if query.newest else list(page.items)
    fits = 0
    for item in items[: max(1, count // 2)]:
        room_bytes -= len(item.stanza)
        if room_bytes < 0 and fits:
            break
        fits += 1
    if fits == len(items):
        return page
    kept = items[:fits]
    return Page(kept[::-1] if query.newest else kept, complete=False)


def _send_page(context: Context, queryid: str | None, query: PageQuery, page: Page) -> list[str]:
    """Send the items of a page; returns their ids as clients see them."""
    session, seal = context.session, context.services.seal
    echoed = "" if queryid is None else f" queryid='{escape(queryid)}'"
    start = (
        f"<message from='{escape(context.account)}' to='{escape(session.full)}'>"
        f"<result xmlns='{NS}'{echoed} id='"
    )
    middle = f"'><forwarded xmlns='{FORWARD}'><delay xmlns='{DELAY}' stamp='"
    end = b"</forwarded></result></message>"
    refs = _fetched(context, query, page)
    sealed = []
    for item in page.items:
        name = seal.seal(item.id)
        sealed.append(name)
        head = f"{start}{name}{middle}{utc(seconds(item.id))}'/>".encode()
        stanza = b"".join((head, with_namespace(item.stanza, CLIENT), end))
        session.send(stanza, refs.get(item.id))
    return sealed


def _fetched(context: Context, query: PageQuery, page: Page) -> dict[ItemId, ItemRef]:
    """Return what the client acknowledges with a page: the items that came to the person.

    Acknowledged, they have reached this session too, and a reply from here
    reads them. Those that no session had before are in its hands like those
    delivered when they came: they are not delivered again unless the client
    goes before. Only a page of everything, with nothing skipped between what
    waits and its last item, says that all up to there was fetched.

    Marks cover all that is older in their thread. So an item with something
    between that may wait is left to be delivered in its order.
    """
    entity, session = context.entity, context.session
    if not page.items or session.ended:
        return {}
    reach = entity.reach
    waiting = reach.waiting_above
    cut = query.newest and not page.complete  # more lies below than was asked for
    lowest = before(page.items[0].id) if cut else query.after
    gapless = waiting is None or (query.party is None and lowest <= waiting)
    everything = query.thread is None and query.party is None
    refs = {}
    for item in _incoming(context.account, page.items):
        waits = waiting is not None and item.id > waiting
        if everything:
            holders = reach.holders(item.id)
            if (holders or (waits and gapless)) and session.id not in holders:
                reach.handed(item.id, session.id)
                waits = False
        if gapless or not waits:
            refs[item.id] = ItemRef(item.id, item.thread if item.countable else None)
    if everything and gapless and waiting is not None:
        reach.scanned(page.items[-1].id)
    return refs


def _incoming(account: str, items: Sequence[Item]) -> list[Item]:
    return [
        item
        for item in items
        if item.sender.partition("/")[0] != account or item.recipient.partition("/")[0] == account
    ]


def _fin(answer: RsmAnswer, *, complete: bool) -> bytes:
    told = " complete='true'" if complete else ""
    page = serialise(answer.to_element(), NS)
    return b"<fin xmlns='%s'%s stable='true'>%s</fin>" % (NS.encode(), told.encode(), page)
