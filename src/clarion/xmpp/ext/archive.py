"""Message archive management: a person's messages, page by page (XEP-0313 1.1.3, XEP-0059).

The ids of an archive's items are their stanza-ids (XEP-0359), which tell
nothing of their order; behind them are item ids, whose order is that of time.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.archive import Item, Page, PageQuery
from clarion.core.ports import ItemRef
from clarion.lib.ids import ItemId, before, seconds
from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.payloads import FORWARD
from clarion.wire.xmpp.result_set import NS as RSM
from clarion.wire.xmpp.result_set import RsmAnswer
from clarion.wire.xmpp.splice import with_namespace
from clarion.wire.xmpp.stamps import DELAY, utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.archive_request import NS, Request, form_payload, read_request, unknown_item
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.services import Services

QUERY: Final = f"{{{NS}}}query"
METADATA: Final = f"{{{NS}}}metadata"

_FORM: Final = form_payload()

archive = Extension(
    Card(
        name="archive",
        spec="XEP-0313",
        title="Message Archive Management",
        version="1.1.3",
        test="tests/xmpp/test_archive.py",
        account_features=(NS, f"{NS}#extended", f"{NS}#groupchat-field", RSM),
        needs=("stanza_ids", "delay"),
    )
)


@archive.on_iq("get", QUERY, at=("account",))
def form(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Tell by which fields an archive can be searched (section 4.1.5)."""
    return _FORM


@archive.on_iq("get", METADATA, at=("contact",))
@archive.on_iq("get", QUERY, at=("contact",))
@archive.on_iq("set", QUERY, at=("contact",))
def somebody_elses(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Refuse (section 8.1).

    Raises:
        StanzaError: Always.

    """
    raise StanzaError(StanzaCondition.FORBIDDEN, "an archive is open to its owner only")


@archive.on_iq("get", METADATA, at=("account",))
async def metadata(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Name the first and the last item (section 5).

    Raises:
        UnavailableError: The store cannot answer.

    """
    owner, kept = context.person.number, context.services.archive
    await kept.settled(owner)
    return told_ends(context.services, await kept.ends(owner))


def told_ends(services: Services, ends: tuple[ItemId, ItemId] | None) -> bytes:
    """Write the first and the last item of an archive, as section 5 wants it."""
    if ends is None:
        return f"<metadata xmlns='{NS}'/>".encode()
    named = "".join(
        f"<{name} id='{services.seal.seal(item)}' timestamp='{utc(seconds(item))}'/>"
        for name, item in zip(("start", "end"), ends, strict=True)
    )
    return f"<metadata xmlns='{NS}'>{named}</metadata>".encode()


@archive.on_iq("set", QUERY, at=("account",))
async def search(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Send a page of the archive, then say which page it was (section 4.2).

    Raises:
        PeerError: The request cannot be understood.
        StanzaError: It asks for what is not here.
        UsageError: It asks for more than a search may look at.
        UnavailableError: The store cannot answer.

    """
    request = read_request(context, payload)
    owner = context.person.number
    kept = context.services.archive
    await kept.settled(owner)  # the client may have what is not committed yet
    if request.known and not await kept.has(owner, *request.known):
        raise unknown_item()
    if request.count_only:
        number = await kept.count(owner, request.query)
        return _fin(RsmAnswer(count=number), complete=number == 0)
    line = context.session.line
    if line is not None:
        await line.drained()  # one page at most waits for a client that reads slowly
    page = _fitting(context, request.query, await kept.page(owner, request.query))
    sealed = _send_page(context, payload.get("queryid"), request, page)
    return _fin(_place(request, page, sealed), complete=page.complete)


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


def _send_page(context: Context, queryid: str | None, request: Request, page: Page) -> list[str]:
    """Send the items of a page; returns their ids as clients see them, oldest first."""
    session, seal = context.session, context.services.seal
    echoed = "" if queryid is None else f" queryid='{escape(queryid)}'"
    start = (
        f"<message from='{escape(context.account)}' to='{escape(session.full)}'>"
        f"<result xmlns='{NS}'{echoed} id='"
    )
    middle = f"'><forwarded xmlns='{FORWARD}'><delay xmlns='{DELAY}' stamp='"
    end = b"</forwarded></result></message>"
    refs = _fetched(context, request, page)
    sealed = [seal.seal(item.id) for item in page.items]
    results = list(zip(page.items, sealed, strict=True))
    if request.flipped:
        results.reverse()
    for item, name in results:
        head = f"{start}{name}{middle}{utc(seconds(item.id))}'/>".encode()
        stanza = b"".join((head, with_namespace(item.stanza, CLIENT), end))
        session.send(stanza, refs.get(item.id))
    return sealed


def _fetched(context: Context, request: Request, page: Page) -> dict[ItemId, ItemRef]:
    """Return what the client acknowledges with a page: the items that came to the person.

    Acknowledged, they have reached this session too, and a reply from here
    reads them. Those that no session had before are in its hands like those
    delivered when they came: they are not delivered again unless the client
    goes before. Only a page of everything, with nothing skipped between what
    waits and its last item, says that all up to there was fetched.

    Marks cover all that is older in their thread. So an item with something
    between that may wait is left to be delivered in its order; so is what no
    page shows and still waits, and all of a flipped page that has not reached
    anybody, since its newest item would be acknowledged first.
    """
    entity, session, query = context.entity, context.session, request.query
    if not page.items or session.ended:
        return {}
    reach = entity.reach
    waiting = reach.waiting_above
    cut = query.newest and not page.complete  # more lies below than was asked for
    lowest = before(page.items[0].id) if cut else query.after
    gapless = waiting is None or (
        query.party is None
        and query.ids is None
        and not request.flipped
        and lowest <= waiting
        and not context.services.archive.has_passing(context.person.number)
    )
    everything = query.thread is None and query.party is None and query.ids is None
    blocked = context.services.blocking.of(context.account)
    refs = {}
    for item in _incoming(context.account, page.items):
        if request.flipped and not reach.has_received(item.id):
            continue
        waits = waiting is not None and item.id > waiting
        if everything:
            holders = reach.holders(item.id)
            if (holders or (waits and gapless)) and session.id not in holders:
                reach.handed(item.id, session.id)
                waits = False
        if gapless or not waits:
            # The ledger, which a sender may ask, learns nothing for those who are blocked.
            told = item.countable and not (blocked and blocked.blocks(parse_jid(item.sender)))
            refs[item.id] = ItemRef(item.id, item.thread if told else None)
    if everything and gapless and waiting is not None:
        reach.scanned(page.items[-1].id)
    return refs


def _incoming(account: str, items: Sequence[Item]) -> list[Item]:
    return [
        item
        for item in items
        if item.sender.partition("/")[0] != account or item.recipient.partition("/")[0] == account
    ]


def _place(request: Request, page: Page, sealed: Sequence[str]) -> RsmAnswer:
    """Say which page it was; place and number of all only where they are plain to see.

    To count what matches would cost more than the page itself (XEP-0059
    section 2.2); who wants to know asks for nothing but the number.
    """
    newest = request.query.newest
    at_start = request.from_start and (page.complete or not newest)
    at_end = request.to_end and (page.complete or newest)
    return RsmAnswer(
        first=sealed[0] if sealed else None,
        last=sealed[-1] if sealed else None,
        count=len(sealed) if at_start and at_end else None,
        index=0 if at_start else None,
    )


def _fin(answer: RsmAnswer, *, complete: bool) -> bytes:
    told = " complete='true'" if complete else ""
    page = serialise(answer.to_element(), NS)
    return b"<fin xmlns='%s'%s stable='true'>%s</fin>" % (NS.encode(), told.encode(), page)
