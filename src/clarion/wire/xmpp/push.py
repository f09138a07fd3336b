"""Push notifications on the wire: what clients ask, and what push services are told.

XEP-0357 0.4.1. A push service is a pubsub service of the maker of a client
(XEP-0060); the notification is an item that is published to a node of it.
"""

from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import MalformedError, escape, parse
from clarion.wire.xmpp.errors import STANZA_ERRORS, StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM_TAG
from clarion.wire.xmpp.forms import Field, Form, FormKind, parse_form, type_field
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import BODY, CLIENT

NS: Final = "urn:xmpp:push:0"
ENABLE: Final = f"{{{NS}}}enable"
DISABLE: Final = f"{{{NS}}}disable"
SUMMARY: Final = "urn:xmpp:push:summary"
OPTIONS: Final = "http://jabber.org/protocol/pubsub#publish-options"
PUBSUB: Final = "http://jabber.org/protocol/pubsub"

NODE_LIMIT_BYTES: Final = 1_023
"""LIMIT: a node's name in UTF-8."""
BODY_LIMIT: Final = 200
"""LIMIT: characters of a message that a push service gets to see; Apple's takes 4 KiB in all."""
ERROR_LIMIT: Final = 200
"""LIMIT: characters of a service's error that are remembered."""

TRANSIENT: Final = frozenset(
    {
        "internal-server-error",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "resource-constraint",
        "service-unavailable",
    }
)
"""Errors that may be over tomorrow (section "Publish Errors")."""


@dataclass(frozen=True, slots=True)
class Enabling:
    """What ``<enable/>`` asks for.

    Attributes:
        service: The push service's JID, normalised.
        node: ``""``: none was named.
        options: The form that is to go with each notification, as it goes on
            the wire; empty: none.

    """

    service: str
    node: str
    options: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a notification tells (section "Field Standardization").

    Attributes:
        count: Messages since somebody last looked.
        sender: The last one's bare JID; ``""``: not told.
        body: Its text; ``""``: not told.

    """

    count: int
    sender: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a push service answered instead of a result.

    Attributes:
        condition: As in RFC 6120 section 8.3.3.
        text: For people; may be empty.
        transient: Whether it may work another time.

    """

    condition: str
    text: str
    transient: bool

    def __str__(self) -> str:
        return f"{self.condition}: {self.text}" if self.text else self.condition


def parse_enable(element: Element) -> Enabling:
    """Read ``<enable/>``.

    Raises:
        JidError: ``jid`` is none.
        StanzaError: ``jid`` is missing, or the form is not for publishing.
        PeerError: The form is none.

    """
    service, node = parse_disable(element)
    found = element.find(FORM_TAG)
    if found is None:
        return Enabling(service, node or "")
    form = parse_form(found)
    if form.kind is not FormKind.SUBMIT or form.form_type != OPTIONS:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the form is submitted, and of {OPTIONS}")
    # Only what goes out again is kept.
    fields = tuple(Field(one.name, one.values) for one in form.fields)
    return Enabling(service, node or "", Form(FormKind.SUBMIT, fields).to_bytes())


def parse_disable(element: Element) -> tuple[str, str | None]:
    """Read ``<disable/>``; returns the service, and the node or ``None`` for all of them.

    Raises:
        JidError: ``jid`` is none.
        StanzaError: ``jid`` is missing, or the node's name is too long.

    """
    jid, node = element.get("jid", ""), element.get("node")
    if not jid:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "jid says which push service")
    if len((node or "").encode()) > NODE_LIMIT_BYTES:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"a node has {NODE_LIMIT_BYTES} bytes")
    return parse_jid(jid).full, node


def write_notification(sender: str, enabled: Enabling, iq_id: str, summary: Summary) -> bytes:
    """Write what is published (section "Publishing Notifications").

    Args:
        sender: The server's domain.
        enabled: Whom it is for.
        iq_id: Of the request.
        summary: What is told.

    """
    fields = [type_field(SUMMARY), Field("message-count", (str(summary.count),))]
    if summary.sender:
        fields.append(Field("last-message-sender", (summary.sender,)))
    if summary.body:
        fields.append(Field("last-message-body", (summary.body[:BODY_LIMIT],)))
    node = f" node='{escape(enabled.node)}'" if enabled.node else ""
    start = (
        f"<iq type='set' from='{escape(sender)}' to='{escape(enabled.service)}'"
        f" id='{escape(iq_id)}'><pubsub xmlns='{PUBSUB}'><publish{node}><item>"
        f"<notification xmlns='{NS}'>"
    ).encode()
    form = Form(FormKind.SUBMIT, tuple(fields)).to_bytes()
    options = enabled.options
    if options:
        options = b"<publish-options>%s</publish-options>" % options
    return b"%s%s</notification></item></publish>%s</pubsub></iq>" % (start, form, options)


def body_of(message: bytes) -> str:
    """Return the text of a message, ``""`` where it has none."""
    try:
        return parse(message, CLIENT).findtext(BODY) or ""
    except MalformedError:
        return ""


def parse_failure(iq: bytes) -> Failure:
    """Read an iq of type error; one that does not say what is wrong is no less an error."""
    try:
        error = parse(iq, CLIENT).find(f"{{{CLIENT}}}error")
    except PeerError:
        error = None
    if error is None:
        return Failure("undefined-condition", "", transient=False)
    namespace = f"{{{STANZA_ERRORS}}}"
    said = (one.tag.removeprefix(namespace) for one in error if one.tag.startswith(namespace))
    condition = next((name for name in said if name != "text"), "undefined-condition")
    text = " ".join((error.findtext(f"{namespace}text") or "").split())[:ERROR_LIMIT]
    return Failure(
        condition[:ERROR_LIMIT], text, error.get("type") == "wait" or condition in TRANSIENT
    )
