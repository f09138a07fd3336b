"""HTTP File Upload: where clients find it, and how they ask for a place (XEP-0363 1.2.0).

The bytes themselves go by HTTP: ``files/upload.py``.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.upload_slots import UploadService
from clarion.core.uploads import Purpose, QuotaError, TooLargeError, Wish
from clarion.wire.http.content import MediaTypeError, media_type
from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp.caps import INFO, INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS, ITEMS_QUERY
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, Form, FormKind, type_field
from clarion.wire.xmpp.stamps import microseconds, utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "urn:xmpp:http:upload:0"
TAG: Final = f"{{{NS}}}request"
PURPOSES: Final = "urn:xmpp:http:upload:purpose:0"
NAME: Final = "HTTP File Upload"
DIGITS_LIMIT: Final = 15
"""LIMIT: digits of a size, so that the number is small before it is compared."""

uploads = Extension(
    Card(
        name="uploads",
        spec="XEP-0363",
        title="HTTP File Upload",
        version="1.2.0",
        needs=("disco",),
        test="tests/xmpp/test_uploads_extension.py",
    )
)


@uploads.on_node("items", "", at=("server",))
def listed(context: Context, stanza: Stanza, query: Element) -> bytes:
    """List the service among the server's items (section 3)."""
    service = context.services.uploads
    return b"" if service is None else f"<item jid='{escape(service.jid)}' name='{NAME}'/>".encode()


@uploads.on_iq("get", INFO_QUERY, at=("upload",))
def info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say what the service is and how large a file may be (section 3).

    Raises:
        StanzaError: It was asked for a node; it has none.

    """
    _no_node(query)
    features = (INFO, ITEMS, NS, *(f"{PURPOSES}#{purpose.value}" for purpose in Purpose))
    written = "".join(f"<feature var='{feature}'/>" for feature in features)
    limit = str(_service(context).slots.file_bytes)
    form = Form(FormKind.RESULT, (type_field(NS), Field("max-file-size", (limit,))))
    return (
        f"<query xmlns='{INFO}'><identity category='store' type='file' name='{NAME}'/>{written}"
    ).encode() + b"%s</query>" % serialise(form.to_element())


@uploads.on_iq("get", ITEMS_QUERY, at=("upload",))
def items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say that there is nothing behind the service.

    Raises:
        StanzaError: It was asked for a node; it has none.

    """
    _no_node(query)
    return f"<query xmlns='{ITEMS}'/>".encode()


@uploads.on_iq("get", TAG, at=("upload",))
def slot(context: Context, stanza: Stanza, request: Element) -> bytes:
    """Give a place for a file (section 4).

    Raises:
        StanzaError: The request says not what it has to, or the file is too
            large (section 6).
        UsageError: Files of this type are not taken.

    """
    service = _service(context)
    wish = _wish(request, context.services.clock.wall())
    try:
        given = service.slots.grant(context.person, wish)
    except TooLargeError as error:
        told = f"<max-file-size>{error.limit_bytes}</max-file-size>"
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE,
            str(error),
            application=f"<file-too-large xmlns='{NS}'>{told}</file-too-large>".encode(),
        ) from error
    except QuotaError as error:
        retry = "" if error.retry is None else f"<retry xmlns='{NS}' stamp='{utc(error.retry)}'/>"
        raise StanzaError(
            StanzaCondition.RESOURCE_CONSTRAINT, str(error), application=retry.encode()
        ) from error
    address = escape(service.address(given))
    return f"<slot xmlns='{NS}'><put url='{address}'/><get url='{address}'/></slot>".encode()


def _wish(request: Element, now: float) -> Wish:
    """Read what somebody asks for.

    Raises:
        StanzaError: It cannot be understood.

    """
    name, size = request.get("filename", ""), request.get("size", "")
    if not name.strip() or not (size.isascii() and size.isdecimal() and size.strip("0")):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a request has a filename and a size")
    size = size.lstrip("0")
    try:
        kind = media_type(request.get("content-type", ""))
    except MediaTypeError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"content-type: {error}") from error
    purpose, expires = _purpose(request, now)
    # So many digits are too large in any case; how large exactly does not matter.
    size_bytes = int(size[: DIGITS_LIMIT + 1])
    return Wish(name, size_bytes, kind, purpose, expires)


def _purpose(request: Element, now: float) -> tuple[Purpose, float | None]:
    """Read what the file is for (section 5); without a word it is for a message.

    Raises:
        StanzaError: It is for something that this service does not know.

    """
    said = [child for child in request if child.tag.startswith(f"{{{PURPOSES}}}")]
    if not said:
        return Purpose.MESSAGE, None
    if len(said) > 1:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a file has one purpose")
    name = said[0].tag.rpartition("}")[2]
    if name not in {purpose.value for purpose in Purpose}:
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, f"files are not kept here as {name}"
        )
    purpose = Purpose(name)
    if purpose is not Purpose.EPHEMERAL:
        return purpose, None
    expires = microseconds(said[0].get("expire-before", "")) / 1_000_000
    if expires <= now:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "the file would have expired already")
    return purpose, expires


def _service(context: Context) -> UploadService:
    service = context.services.uploads
    if service is None:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "there are no uploads here")
    return service


def _no_node(query: Element) -> None:
    if query.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")
