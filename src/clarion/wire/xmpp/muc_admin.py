"""What moderators, admins and owners ask of a room (XEP-0045 sections 8 to 10)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM
from clarion.wire.xmpp.forms import Form, FormKind, parse_form
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.muc import (
    AFFILIATIONS,
    MUC,
    PASSWORD_LIMIT,
    ROLES,
    jid_of,
    limited,
    prepare_nick,
    reason_of,
)

ADMIN: Final = f"{MUC}#admin"
OWNER: Final = f"{MUC}#owner"
ADMIN_QUERY: Final = f"{{{ADMIN}}}query"
OWNER_QUERY: Final = f"{{{OWNER}}}query"
ROOM_CONFIG: Final = f"{MUC}#roomconfig"

ITEMS_LIMIT: Final = 500
"""LIMIT: affiliations or roles that are changed at once, all or none; each is told to all."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list is asked for, of all with this affiliation or role; the other one is ``""``."""

    affiliation: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody is to be something else.

    Exactly one of ``affiliation`` and ``role`` is set (section 17.4), and at
    least one of ``jid`` and ``nick``.

    Attributes:
        jid: Who, by a bare JID, or a whole domain; ``None``: by the nickname.
        nick: Who, by the nickname; beside a ``jid`` the one to reserve; or ``""``.
        affiliation: A word of ``AFFILIATIONS``.
        role: A word of ``ROLES``.
        reason: Why, or ``""``.

    """

    jid: str | None
    nick: str = ""
    affiliation: str = ""
    role: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Destroy:
    """The room is to be destroyed (section 10.9).

    Attributes:
        jid: Where people are to meet instead; ``None``: nowhere.
        password: Of that other room, or ``""``.
        reason: Why, or ``""``.

    """

    jid: Jid | None = None
    password: str = field(default="", repr=False)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """What was begun is not done; a new room goes again (section 10.1.3)."""


@dataclass(frozen=True, slots=True)
class GetConfiguration:
    """The form to configure the room with is asked for (section 10.2)."""


OwnerRequest = GetConfiguration | Form | Cancel | Destroy


def parse_listing(query: Element) -> Listing:
    """Read a ``get`` of ``muc#admin``.

    Raises:
        StanzaError: It does not ask for one list.

    """
    items = query.findall(f"{{{ADMIN}}}item")
    if len(items) != 1:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "one list is asked for at a time")
    affiliation, role = _what(items[0])
    return Listing(affiliation, role)


def parse_changes(query: Element) -> tuple[Change, ...]:
    """Read a ``set`` of ``muc#admin``.

    Raises:
        StanzaError: There is no item or too many, or one does not say who, or
            not what of one kind, or names what is no JID or nickname.

    """
    items = query.findall(f"{{{ADMIN}}}item")
    if not items:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "there is nothing to change")
    if len(items) > ITEMS_LIMIT:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION, f"at most {ITEMS_LIMIT} are changed at once"
        )
    return tuple(_change(item) for item in items)


def parse_owner(kind: Literal["get", "set"], query: Element) -> OwnerRequest:
    """Read a request of ``muc#owner``; a form is one that was submitted, perhaps without fields.

    Raises:
        StanzaError: It is none.

    """
    if kind == "get":
        return GetConfiguration()
    destroy = query.find(f"{{{OWNER}}}destroy")
    form = query.find(FORM)
    if (destroy is None) == (form is None):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an owner submits a form or destroys a room")
    return _destroy(destroy) if destroy is not None else _submitted(form)


def admin_item(
    affiliation: str, jid: str = "", nick: str = "", role: str = "", reason: str = ""
) -> bytes:
    """Write an item of a list; what is ``""`` is left out."""
    attributes = (("affiliation", affiliation), ("jid", jid), ("nick", nick), ("role", role))
    written = "".join(f" {name}='{escape(value)}'" for name, value in attributes if value)
    why = f"<reason>{escape(reason)}</reason>" if reason else ""
    return (f"<item{written}>{why}</item>" if why else f"<item{written}/>").encode()


def admin_list(items: Iterable[bytes]) -> bytes:
    """Answer with a list, each item of it an ``admin_item``."""
    return b"<query xmlns='%s'>%s</query>" % (ADMIN.encode(), b"".join(items))


def owner_form(form: Form) -> bytes:
    """Answer with the form to configure a room with (section 10.1.3)."""
    return b"<query xmlns='%s'>%s</query>" % (OWNER.encode(), form.to_bytes())


def _what(item: Element) -> tuple[str, str]:
    affiliation, role = item.get("affiliation"), item.get("role")
    if (affiliation is None) == (role is None):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an item names an affiliation or a role")
    if affiliation is not None and affiliation not in AFFILIATIONS:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "there is no such affiliation")
    if role is not None and role not in ROLES:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "there is no such role")
    return affiliation or "", role or ""


def _change(item: Element) -> Change:
    affiliation, role = _what(item)
    jid, nick = item.get("jid"), item.get("nick")
    if not (jid or nick):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an item says whom it is about")
    return Change(
        jid_of(jid).bare if jid else None,
        prepare_nick(nick) if nick else "",
        affiliation,
        role,
        reason_of(item, ADMIN),
    )


def _destroy(destroy: Element) -> Destroy:
    jid = destroy.get("jid")
    password = limited(destroy.findtext(f"{{{OWNER}}}password"), PASSWORD_LIMIT, "a password")
    return Destroy(jid_of(jid) if jid else None, password, reason_of(destroy, OWNER))


def _submitted(element: Element | None) -> Form | Cancel:
    assert element is not None
    try:
        form = parse_form(element)
        form_type = form.form_type
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    if form.kind is FormKind.CANCEL:
        return Cancel()
    # An empty form makes an instant room, and most clients send it without a type (10.1.2).
    if form.kind is not FormKind.SUBMIT or form_type not in {ROOM_CONFIG, ""}:
        raise StanzaError(
            StanzaCondition.BAD_REQUEST, f"the form must be a submitted {ROOM_CONFIG}"
        )
    return form
