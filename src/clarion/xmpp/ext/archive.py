"""Message archive management: a person's messages, page by page (XEP-0313 1.1.3, XEP-0059).

The ids of an archive's items are their stanza-ids (XEP-0359), which tell
nothing of their order; behind them are item ids, whose order is that of time.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.archive import Item, Page, PageQuery
from clarion.core.ports import ItemRef
from clarion.lib.ids import ItemId, before
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.result_set import NS as RSM
from clarion.wire.xmpp.result_set import RsmAnswer
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.archive_answer import Results, fin, fitting, metadata_answer, place
from clarion.xmpp.archive_request import (
    METADATA,
    NS,
    QUERY,
    Request,
    form_payload,
    parties_of,
    read_request,
    unknown_item,
)
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

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
    return metadata_answer(await kept.ends(owner), context.services.seal)


@archive.on_iq("set", QUERY, at=("account",))
async def search(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Send a page of the archive, then say which page it was (section 4.2).

    Raises:
        PeerError: The request cannot be understood.
        StanzaError: It asks for what is not here.
        UsageError: It asks for more than a search may look at.
        UnavailableError: The store cannot answer.

    """
    request = read_request(payload, context.services.seal, partial(parties_of, context.account))
    owner = context.person.number
    kept = context.services.archive
    await kept.settled(owner)  # the client may have what is not committed yet
    if request.known and not await kept.has(owner, *request.known):
        raise unknown_item()
    if request.count_only:
        number = await kept.count(owner, request.query)
        return fin(RsmAnswer(count=number), complete=number == 0)
    line = context.session.line
    if line is not None:
        await line.drained()  # one page at most waits for a client that reads slowly
    page = _fitting(context, request.query, await kept.page(owner, request.query))
    sealed = _send_page(context, payload.get("queryid"), request, page)
    return fin(place(request, page, sealed), complete=page.complete)


def _fitting(context: Context, query: PageQuery, page: Page) -> Page:
    """Cut a page that would fill more than half of what may wait for the client."""
    limits, outbound = context.services.limits, context.session.outbound
    count, size_bytes = limits.unacknowledged_stanzas, limits.unacknowledged_bytes
    if outbound is not None:
        count -= len(outbound)
        size_bytes -= outbound.size_bytes
    return fitting(query, page, count // 2, min(size_bytes, limits.send_queue_bytes) // 2)


def _send_page(context: Context, queryid: str | None, request: Request, page: Page) -> list[str]:
    """Send the items of a page; returns their ids as clients see them, oldest first."""
    session, seal = context.session, context.services.seal
    results = Results(context.account, session.full, queryid)
    refs = _fetched(context, request, page)
    sealed = [seal.seal(item.id) for item in page.items]
    pairs = list(zip(page.items, sealed, strict=True))
    if request.flipped:
        pairs.reverse()
    for item, name in pairs:
        session.send(results.stanza(item, name), refs.get(item.id))
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
