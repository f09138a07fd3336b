"""Uploads and downloads by HTTP (XEP-0363): one address for each file, ``/upload/TOKEN/NAME``.

A file is brought by PUT, once, and had by GET and HEAD with ranges (RFC 9110
section 14). What people upload must not act in a browser as if it came from
us: it is sandboxed, never guessed at, and only shown where it can do nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Final, NoReturn

from aiohttp import hdrs, web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from clarion.core.blobs import MissingBlobError
from clarion.core.upload_book import Uploads
from clarion.core.upload_slots import PATH
from clarion.core.uploads import BusyError, KindError, NoSlotError, SizeError, Slot, Upload
from clarion.files.gate import Gate
from clarion.files.pace import GRACE_SECONDS, RATE_BPS, STALL_SECONDS, Pace
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import BEFORE_CREATED, CrashPoints
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.http.content import MediaTypeError, disposition, media_type, written_type
from clarion.wire.http.ranges import RangeError, Verdict, http_date, judge, part_of, range_holds

DOWNLOADS_LIMIT: Final = 1_000
"""LIMIT: downloads under way; each has a file open and some 500 KiB in memory."""
UNREAD_SECONDS: Final = 300.0
"""LIMIT: for a client to take 256 KiB of a download; then it is cut off."""
FRESH_SECONDS: Final = 3600
"""For how long a browser need not ask again; a file never changes, but it may go."""
PREFLIGHT_SECONDS: Final = 86_400

CORS: Final[dict[str, str]] = {
    # Pages of any origin may use it (XEP-0363 section 8): what lets somebody in is
    # the address, or a password that the page itself has to give, never a cookie.
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "OPTIONS, HEAD, GET, PUT",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: (
        "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, "
        "If-Unmodified-Since, Range"
    ),
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: (
        "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified"
    ),
}
SAFE: Final[dict[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; media-src 'self'; frame-ancestors 'none'; sandbox"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = get_logger("files")


class UploadDoor:
    """Answers requests for files.

    Args:
        uploads: Keeps them.
        gate: Who asks must log in there; ``None``: the address is enough.
        clock: Time.
        crash_points: ``before-created`` is reached when a file is kept and nobody knows.
        stall: See ``files/pace.py``, like the next two.
        rate_bps: The same.
        grace: The same.
        unread: See ``UNREAD_SECONDS``.

    """

    def __init__(
        self,
        uploads: Uploads,
        gate: Gate | None,
        clock: Clock,
        crash_points: CrashPoints,
        *,
        stall: float = STALL_SECONDS,
        rate_bps: float = RATE_BPS,
        grace: float = GRACE_SECONDS,
        unread: float = UNREAD_SECONDS,
    ) -> None:
        self._uploads = uploads
        self._gate = gate
        self._clock = clock
        self._crash = crash_points
        self._stall = stall
        self._rate_bps = rate_bps
        self._grace = grace
        self._unread = unread
        self._downloads = 0
        self._downloaded = self._downloaded_bytes = 0
        self._refused: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return what ``web/listener.py`` serves."""
        path = f"{PATH}/{{token}}/{{name}}"
        return [
            web.put(path, self._put, expect_handler=self._expected),
            web.get(path, self._get, allow_head=False),
            web.head(path, self._get),
            web.options(path, self._options),
        ]

    def figures(self) -> Iterable[Metric]:
        """See ``lib.metrics.Source``."""
        tally = self._uploads.tally
        yield GaugeMetricFamily("clarion_files", "Files in the data folder.", tally.blobs)
        yield GaugeMetricFamily("clarion_files_bytes", "Their size.", tally.blob_bytes)
        yield GaugeMetricFamily(
            "clarion_uploads_under_way", "Uploads under way.", len(self._uploads.slots)
        )
        yield CounterMetricFamily("clarion_uploads", "Files that came whole.", tally.uploads)
        yield CounterMetricFamily("clarion_uploads_bytes", "Their size.", tally.upload_bytes)
        yield CounterMetricFamily("clarion_uploads_expired", "Files that expired.", tally.removed)
        refused = CounterMetricFamily(
            "clarion_uploads_refused", "Uploads refused or cut off.", labels=["status"]
        )
        for status, count in sorted(self._refused.items()):
            refused.add_metric([status], count)
        yield refused
        yield GaugeMetricFamily("clarion_downloads_under_way", "Downloads.", self._downloads)
        yield CounterMetricFamily("clarion_downloads", "Downloads begun.", self._downloaded)
        yield CounterMetricFamily(
            "clarion_downloads_bytes", "Sent by downloads.", self._downloaded_bytes
        )

    async def _options(self, request: web.Request) -> web.Response:
        """Answer what a browser asks before it uploads from another page."""
        headers = {
            **CORS,
            str(hdrs.ACCESS_CONTROL_MAX_AGE): str(PREFLIGHT_SECONDS),
            str(hdrs.ALLOW): CORS[hdrs.ACCESS_CONTROL_ALLOW_METHODS],
        }
        return web.Response(status=204, headers=headers)

    # -- uploads --------------------------------------------------------------------------

    async def _expected(self, request: web.Request) -> None:
        """Let a client go on that waits for ``100 Continue``, or spare it the upload."""
        self._look(request)
        assert request.transport is not None, "somebody waits"
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _put(self, request: web.Request) -> web.Response:
        slot, kind = self._look(request)
        try:
            await self._uploads.keep(slot, kind, self._chunks(request))
        except (ClarionError, TimeoutError) as error:
            self._refuse(error)
        except (asyncio.CancelledError, ConnectionError, web.RequestPayloadError):
            self._refused["499"] += 1  # nobody is there to be told
            raise
        self._crash.reach(BEFORE_CREATED)
        log.debug("a file was uploaded", person=slot.person.address, bytes=slot.wish.size_bytes)
        return web.Response(status=201, headers={**CORS, **SAFE})

    def _look(self, request: web.Request) -> tuple[Slot, str]:
        """Look at what an upload says of itself before a byte of it is read.

        Raises:
            HTTPException: It is refused.

        """
        headers, info = request.headers, request.match_info
        try:
            slot = self._uploads.slots.slot(info["token"], info["name"])
            if headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
                raise KindError("files are taken as they are, without Content-Encoding")
            if hdrs.CONTENT_RANGE in headers:
                raise SizeError("a file is brought as a whole, without Content-Range")
            if request.content_length is None:
                self._count(web.HTTPLengthRequired(text="say Content-Length", headers=CORS))
            kind = media_type(headers.get(hdrs.CONTENT_TYPE, ""))
            return slot, self._uploads.slots.fits(slot, request.content_length, kind)
        except ClarionError as error:
            self._refuse(error)
        except MediaTypeError as error:
            self._refuse(KindError(str(error)))

    async def _chunks(self, request: web.Request) -> AsyncGenerator[bytes, None]:
        """Read the body.

        Raises:
            TimeoutError: It comes too slowly.

        """
        pace = Pace(self._clock.monotonic(), self._rate_bps, self._grace)
        while True:
            async with asyncio.timeout(self._stall):
                chunk = await request.content.readany()
            if not chunk:
                return
            if not pace.came(len(chunk), self._clock.monotonic()):
                raise TimeoutError
            yield chunk

    def _refuse(self, error: ClarionError | TimeoutError) -> NoReturn:
        text, again = str(error), {**CORS, hdrs.RETRY_AFTER: "10"}
        match error:
            case TimeoutError():
                self._count(web.HTTPRequestTimeout(text="the file came too slowly", headers=CORS))
            case NoSlotError():
                self._count(web.HTTPConflict(text=text, headers=CORS))
            case SizeError():
                self._count(web.HTTPBadRequest(text=text, headers=CORS))
            case KindError():
                self._count(web.HTTPUnsupportedMediaType(text=text, headers=CORS))
            case BusyError():
                self._count(web.HTTPTooManyRequests(text=text, headers=again))
            case UnavailableError():
                self._count(web.HTTPServiceUnavailable(text=text, headers=again))
        self._count(web.HTTPBadRequest(text=text, headers=CORS))

    def _count(self, refusal: web.HTTPException) -> NoReturn:
        self._refused[str(refusal.status)] += 1
        raise refusal

    # -- downloads ------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if self._gate is not None:
            try:
                await self._gate.enter(request)
            except web.HTTPException as refusal:
                refusal.headers.update(CORS)
                raise
        info = request.match_info
        upload = await self._uploads.find(info["token"], info["name"])
        if upload is None:
            raise web.HTTPNotFound(headers=CORS)
        etag, headers = f'"{upload.blob.hex()}"', self._headers(upload)
        match judge(request.headers, etag, upload.at):
            case Verdict.NOT_MODIFIED:
                return web.Response(status=304, headers=headers)
            case Verdict.FAILED:
                raise web.HTTPPreconditionFailed(headers=CORS)
        start, length, status = 0, upload.size_bytes, 200
        # Section 14.2: ranges are for GET alone.
        if request.method == "GET" and range_holds(
            request.headers.get(hdrs.IF_RANGE), etag, upload.at
        ):
            try:
                part = part_of(request.headers.get(hdrs.RANGE), upload.size_bytes)
            except RangeError as error:
                nowhere = {**CORS, hdrs.CONTENT_RANGE: f"bytes */{upload.size_bytes}"}
                raise web.HTTPRequestRangeNotSatisfiable(text=str(error), headers=nowhere) from None
            if part is not None:
                start, length, status = part.start, part.length, 206
                until = start + length - 1
                headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{until}/{upload.size_bytes}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = length
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        return await self._send(request, response, upload, start, length)

    def _headers(self, upload: Upload) -> dict[str, str]:
        fresh = FRESH_SECONDS
        ends = self._uploads.ends(upload)
        if ends is not None:
            fresh = max(0, min(fresh, int(ends - self._clock.wall())))
        age = "no-cache" if self._gate is not None else f"max-age={fresh}"
        return {
            **CORS,
            **SAFE,
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CACHE_CONTROL: f"private, {age}",
            hdrs.CONTENT_DISPOSITION: disposition(upload.name, upload.kind),
            hdrs.CONTENT_TYPE: written_type(upload.kind),
            hdrs.ETAG: f'"{upload.blob.hex()}"',
            hdrs.LAST_MODIFIED: http_date(upload.at),
        }

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        upload: Upload,
        start: int,
        length: int,
    ) -> web.StreamResponse:
        if self._downloads >= DOWNLOADS_LIMIT:
            again = {**CORS, hdrs.RETRY_AFTER: "10"}
            raise web.HTTPServiceUnavailable(text="too many downloads", headers=again)
        self._downloads += 1
        self._downloaded += 1
        try:
            async with aclosing(self._uploads.read(upload, start, length)) as pieces:
                async for piece in pieces:
                    if not response.prepared:  # not before it is known that there is something
                        await response.prepare(request)
                    async with asyncio.timeout(self._unread):
                        await response.write(piece)
                    self._downloaded_bytes += len(piece)
        except (MissingBlobError, TimeoutError) as error:
            _broken(request, response, upload, error)
        finally:
            self._downloads -= 1
        if not response.prepared:
            await response.prepare(request)  # it is empty
        await response.write_eof()
        return response


def _broken(
    request: web.Request, response: web.StreamResponse, upload: Upload, error: Exception
) -> NoReturn:
    """End a download in the middle, so that nobody takes it for whole.

    Raises:
        HTTPNotFound: It had not begun.
        ConnectionResetError: It had.

    """
    if isinstance(error, MissingBlobError):
        log.error("a file is missing or damaged", file=upload.blob.hex(), why=str(error))
    if not response.prepared:
        raise web.HTTPNotFound(headers=CORS) from None
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("a download was cut off") from None
