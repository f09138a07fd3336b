"""Offers of contacts that the server makes to a person (XEP-0144 1.1.1).

An offer is a message from the domain with ``<x/>`` for clients that know it and
a body for those that do not. It is kept like any message, so whoever is off
line gets it later. Nobody's roster changes unless that person wants it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.model import Person
from clarion.core.ports import ItemRef, Parcel, person_entity
from clarion.lib.errors import UsageError
from clarion.wire.xml import escape
from clarion.wire.xmpp.splice import append_child
from clarion.wire.xmpp.stamps import stanza_id
from clarion.xmpp.services import Services

NS: Final = "http://jabber.org/protocol/rosterx"
OFFER_LIMIT: Final = 100
"""LIMIT: contacts in one offer; clients distrust more than 150 (section 6)."""
GROUPS_LIMIT: Final = 20
"""LIMIT: groups offered with one contact: its departments, the first by address."""


class OfferKind(StrEnum):
    """What is suggested (sections 3.1 to 3.3)."""

    ADD = "add"
    DELETE = "delete"
    MODIFY = "modify"


_WORDS: Final = {
    OfferKind.ADD: "Please add these contacts:",
    OfferKind.DELETE: "Please remove these contacts:",
    OfferKind.MODIFY: "Please bring these contacts up to date:",
}


async def offer(
    services: Services, to: Person, contacts: Sequence[Person], action: str = OfferKind.ADD
) -> None:
    """Send an offer, and wait until it is kept.

    Args:
        services: The house.
        to: Who gets it.
        contacts: Who is offered, each once; ``to`` is left out.
        action: What is suggested, an ``OfferKind``; one offer is of one kind (section 6).

    Raises:
        UsageError: There is nobody to offer, or more than ``OFFER_LIMIT``, or
            ``to`` is disabled, or somebody to add is.
        UnavailableError: It cannot be kept; nothing was sent.

    """
    kind = OfferKind(action)
    if to.disabled:
        raise UsageError(f"{to.address}: is disabled and cannot take offers")
    offered = list({one.address: one for one in contacts if one.address != to.address}.values())
    if not offered:
        raise UsageError(f"{to.address}: nobody is left to offer")
    if kind is OfferKind.ADD and (gone := [one.address for one in offered if one.disabled]):
        raise UsageError(f"{gone[0]}: is disabled and could not answer")
    if len(offered) > OFFER_LIMIT:
        raise UsageError(f"at most {OFFER_LIMIT} contacts fit into one offer, not {len(offered)}")
    item = Item(
        services.mint.item(),
        pair_thread(services.domain, to.address),
        services.domain,
        to.address,
        (message_id := services.token()),
        "",
        _stanza(services, to, offered, kind, message_id),
        countable=False,
    )
    await services.archive.append(item, [Owner(to.number, incoming=True)])
    stamp = stanza_id(to.address, services.seal.seal(item.id))
    parcel = Parcel(
        "message",
        "normal",
        services.domain,
        "",
        append_child(item.stanza, stamp),
        ItemRef(item.id, None),
    )
    services.router.to_entity(person_entity(to.address), parcel)


def _stanza(
    services: Services, to: Person, offered: Sequence[Person], kind: OfferKind, message_id: str
) -> bytes:
    lines = [_WORDS[kind], *(f"{one.name} <xmpp:{one.address}>" for one in offered)]
    items = "".join(_item(services, one, kind) for one in offered)
    return (
        f"<message from='{services.domain}' to='{escape(to.address)}' id='{message_id}'>"
        f"<body>{escape(chr(10).join(lines))}</body><x xmlns='{NS}'>{items}</x></message>"
    ).encode()


def _item(services: Services, person: Person, kind: OfferKind) -> str:
    groups = services.directory.departments_of(person)[:GROUPS_LIMIT]
    if kind is OfferKind.DELETE:
        groups = ()  # with one, clients would take the contact out of that group only (3.2)
    inner = "".join(f"<group>{escape(one.name)}</group>" for one in groups)
    start = f"<item action='{kind}' jid='{escape(person.address)}' name='{escape(person.name)}'"
    return f"{start}>{inner}</item>" if inner else f"{start}/>"
