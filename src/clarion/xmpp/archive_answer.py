"""What an archive answers, be it a person's or a room's (XEP-0313 1.1.3, sections 4.2 and 5)."""

from collections.abc import Sequence

from clarion.core.archive import Item, Page, PageQuery
from clarion.core.seal import Seal
from clarion.lib.ids import ItemId, seconds
from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.payloads import FORWARD
from clarion.wire.xmpp.result_set import RsmAnswer
from clarion.wire.xmpp.splice import with_namespace
from clarion.wire.xmpp.stamps import DELAY, utc
from clarion.xmpp.archive_request import NS, Request


class Results:
    """Writes the results of one query.

    Args:
        archive: The bare JID whose archive it is.
        recipient: Full JID of the client that asked.
        queryid: What it calls the query, if it does.

    """

    def __init__(self, archive: str, recipient: str, queryid: str | None) -> None:
        echoed = "" if queryid is None else f" queryid='{escape(queryid)}'"
        self._start = (
            f"<message from='{escape(archive)}' to='{escape(recipient)}'>"
            f"<result xmlns='{NS}'{echoed} id='"
        )

    def stanza(self, item: Item, sealed: str, told: bytes | None = None) -> bytes:
        """Return the message that carries an item.

        Args:
            item: Which.
            sealed: Its stanza-id.
            told: What is told of it; ``None``: its stanza, as it is kept.

        """
        head = (
            f"{self._start}{sealed}'><forwarded xmlns='{FORWARD}'>"
            f"<delay xmlns='{DELAY}' stamp='{utc(seconds(item.id))}'/>"
        ).encode()
        inner = with_namespace(item.stanza if told is None else told, CLIENT)
        return b"".join((head, inner, b"</forwarded></result></message>"))


def fitting(query: PageQuery, page: Page, count: int, room_bytes: int) -> Page:
    """Cut a page down to what there is room for; one item always fits.

    A server may send fewer results than it was asked for (section 4.3.1); the
    client sees that the page is not complete and asks on.

    Args:
        query: What was asked.
        page: What was found.
        count: Items that may be sent.
        room_bytes: Bytes of them.

    """
    items = list(reversed(page.items)) if query.newest else list(page.items)
    fits = 0
    for item in items[: max(1, count)]:
        room_bytes -= len(item.stanza)
        if room_bytes < 0 and fits:
            break
        fits += 1
    if fits == len(items):
        return page
    kept = items[:fits]
    return Page(kept[::-1] if query.newest else kept, complete=False)


def metadata_answer(ends: tuple[ItemId, ItemId] | None, seal: Seal) -> bytes:
    """Name the first and the last item; ``None``: there is none (section 5)."""
    if ends is None:
        return f"<metadata xmlns='{NS}'/>".encode()
    named = "".join(
        f"<{name} id='{seal.seal(item)}' timestamp='{utc(seconds(item))}'/>"
        for name, item in zip(("start", "end"), ends, strict=True)
    )
    return f"<metadata xmlns='{NS}'>{named}</metadata>".encode()


def place(request: Request, page: Page, sealed: Sequence[str]) -> RsmAnswer:
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


def fin(answer: RsmAnswer, *, complete: bool) -> bytes:
    """Write the answer that ends a page (section 4.2).

    Args:
        answer: Which page it was.
        complete: Whether nothing more lies in the direction of paging.

    """
    told = " complete='true'" if complete else ""
    page = serialise(answer.to_element(), NS)
    return b"<fin xmlns='%s'%s stable='true'>%s</fin>" % (NS.encode(), told.encode(), page)
