"""The small elements that a server adds to what it delivers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape

SID: Final = "urn:xmpp:sid:0"
DELAY: Final = "urn:xmpp:delay"
STANZA_ID: Final = f"{{{SID}}}stanza-id"
ORIGIN_ID: Final = f"{{{SID}}}origin-id"
MARKERS: Final = "urn:xmpp:chat-markers:0"
MARKABLE: Final = f"<markable xmlns='{MARKERS}'/>".encode()

# XEP-0082 section 3.2: CCYY-MM-DDThh:mm:ss[.sss]TZD.
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,32})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc(at: float) -> str:
    """Return a UNIX second as XEP-0082 DateTime in UTC, with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=round(at * 1000))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def microseconds(text: str) -> int:
    """Return what a XEP-0082 DateTime says as UNIX microseconds, UTC; finer digits are cut.

    Raises:
        PeerError: It is none.

    """
    try:
        # Python alone would read other forms of ISO 8601 too, such as week dates.
        moment = datetime.fromisoformat(text if _DATE_TIME.fullmatch(text) else "")
    except ValueError:
        raise PeerError(
            f"{text[:64]!r} is no date and time such as '2026-01-31T12:00:00Z'"
        ) from None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def stanza_id(by: str, sealed: str) -> bytes:
    """Return the stanza-id that ``by`` gave (XEP-0359 section 3.1)."""
    return f"<stanza-id xmlns='{SID}' by='{escape(by)}' id='{sealed}'/>".encode()


def delay(by: str, at: float) -> bytes:
    """Return the mark of a stanza that was sent earlier (XEP-0203 section 2)."""
    return f"<delay xmlns='{DELAY}' from='{escape(by)}' stamp='{utc(at)}'/>".encode()
