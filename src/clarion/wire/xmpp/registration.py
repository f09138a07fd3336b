"""In-band registration on the wire: what is asked, and what is told (XEP-0077 2.4)."""

from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError, error_reply
from clarion.wire.xmpp.forms import TAG as FORM_TAG
from clarion.wire.xmpp.forms import parse_form
from clarion.wire.xmpp.invitations import PREAUTH
from clarion.wire.xmpp.names import REGISTER
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_events import StreamRules

TAG: Final = f"{{{REGISTER}}}query"
NAME_LIMIT: Final = 1023
"""LIMIT: characters of a user name; a local part has no more octets (RFC 7622 section 3.3)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks about an account.

    Attributes:
        remove: To end it (section 3.2); else to make it, or to change its password.
        username: The local part, as typed; ``""``: not given.
        password: ``""``: not given.

    """

    remove: bool = False
    username: str = ""
    password: str = field(default="", repr=False)


def parse_wish(query: Element) -> Wish:
    """Read the payload of a set.

    Raises:
        StanzaError: ``<remove/>`` does not stand alone, or the name is too long.
        PeerError: The form in it is none.

    """
    if query.find(f"{{{REGISTER}}}remove") is not None:
        if len(query) > 1:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "<remove/> stands alone")
        return Wish(remove=True)
    form = query.find(FORM_TAG)
    if form is not None:  # section 5: it goes before the fields beside it
        filled = parse_form(form)
        username, password = filled.value("username") or "", filled.value("password") or ""
    else:
        username = query.findtext(f"{{{REGISTER}}}username") or ""
        password = query.findtext(f"{{{REGISTER}}}password") or ""
    username = username.strip()
    if len(username) > NAME_LIMIT:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "the user name is too long")
    return Wish(username=username, password=password)


def write_fields(instructions: str, username: str = "", *, registered: bool = True) -> bytes:
    """Write what must be filled in, or with ``username`` that there is an account (section 3.1).

    Args:
        instructions: For people.
        username: The local part.
        registered: Whether the account is there; else it is to be made with this name.

    """
    known = "<registered/>" if username and registered else ""
    name = f"<username>{escape(username)}</username>" if username else "<username/>"
    return (
        f"<query xmlns='{REGISTER}'>{known}<instructions>{escape(instructions)}"
        f"</instructions>{name}<password/></query>"
    ).encode()


def is_early_request(stanza: Stanza) -> bool:
    """Say whether an iq that comes before log-in is about an account, or an invitation to one."""
    kind = stanza.attributes.get("type")
    return (
        (stanza.children == (TAG,) or (stanza.children == (PREAUTH,) and kind == "set"))
        and kind in {"get", "set"}
        and bool(stanza.attributes.get("id"))
    )


def early_refusal(stanza: Stanza, rules: StreamRules, *, secure: bool) -> bytes | None:
    """Return the answer to a request before log-in that is refused unseen, or ``None``."""
    if not (rules.registration or rules.invitations):  # section 3.1
        error = StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, "accounts are made by an administrator here"
        )
    elif not secure and not rules.without_tls:
        error = StanzaError(StanzaCondition.POLICY_VIOLATION, "STARTTLS comes first")
    else:
        return None
    return error_reply(stanza, error)


def not_now(text: str) -> StanzaError:
    """Return the refusal of somebody who registers too often (section 3.1.1)."""
    return StanzaError(StanzaCondition.NOT_ACCEPTABLE, text, kind=ErrorType.WAIT)
