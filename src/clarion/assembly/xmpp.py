"""The XMPP door with all that only it needs: its stores, its extensions, its entities."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from prometheus_client.metrics_core import Metric

from clarion.admin.desk import Offer
from clarion.assembly.federation import KINDS, open_federation
from clarion.assembly.foundation import Foundation
from clarion.config.model import Config
from clarion.core.erasure import ForgetContact
from clarion.core.events import PoliciesChanged
from clarion.core.registration import Registrar
from clarion.core.upload_slots import UploadService
from clarion.lib.clock import Clock
from clarion.store.activity import DatabaseActivity
from clarion.store.pubsub import DatabasePubsub
from clarion.store.roster import DatabaseRosters
from clarion.store.vcards import DatabaseCards
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.contact import contact_forms
from clarion.xmpp.departments import Departments
from clarion.xmpp.door import XmppDoor, token
from clarion.xmpp.ext import chosen
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.external import ExternalServices
from clarion.xmpp.figures import door_figures
from clarion.xmpp.interests import Interests
from clarion.xmpp.newcomers import befriend
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.offers import offer as offer_contacts
from clarion.xmpp.people import People
from clarion.xmpp.ports import TakenPort
from clarion.xmpp.pushing import Pusher
from clarion.xmpp.removals import forget_contact
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions
from clarion.xmpp.services import Services


@dataclass(frozen=True, slots=True)
class OpenXmpp:
    """What the rest of the house does with this door.

    Attributes:
        door: Itself.
        services: What it works with.
        offer: Sends a person an offer of contacts (XEP-0144).
        forget_contact: Takes somebody who is erased out of people's contacts.

    """

    door: XmppDoor
    services: Services
    offer: Offer
    forget_contact: ForgetContact

    def figures(self) -> Iterable[Metric]:
        """See ``lib.metrics.Source``."""
        return door_figures(self.door, self.services)


@asynccontextmanager
async def open_xmpp(
    ground: Foundation, ports: Sequence[TakenPort], uploads: UploadService | None = None
) -> AsyncGenerator[OpenXmpp, None]:
    """Open the door on ``ports``; on the way out it closes within the drain time.

    Args:
        ground: Everything that it stands on.
        ports: Where to listen.
        uploads: Where clients ask for places for files; ``None``: nowhere.

    """
    config, clock = ground.config, ground.clock
    people = People(
        config.domain, ground.archive, ground.ledger, ground.seal, clock, ground.blocking
    )
    nodes = Nodes(DatabasePubsub(ground.database.of("pubsub")))
    await nodes.load()
    router = OneNodeRouter()
    switchboard = Switchboard(
        chosen(
            config.xmpp.registration,
            proxy=config.xmpp.proxy,
            files=uploads is not None,
            notify=config.push.enabled,
            invite=config.xmpp.invitations,
        )
    )
    services = _services(ground, nodes, router, switchboard)
    services.uploads = uploads
    services.pusher = _pusher(ground, services)
    services.external = _external(ground, services)
    services.befriend = partial(befriend, services, people)
    door = XmppDoor(
        config.limits,
        services,
        people,
        switchboard,
        router,
        ground.certificate,
        config.log.repeats,
    )
    outside = [port for port in ports if port.kind in KINDS]
    async with (
        open_federation(ground, services, people, switchboard, router, outside) as federation,
        door.serve([port for port in ports if port not in outside]),
    ):
        if federation is not None:
            door.addresses += federation.addresses
        yield OpenXmpp(
            door,
            services,
            partial(offer_contacts, services),
            partial(forget_contact, services, people),
        )


def _services(
    ground: Foundation, nodes: Nodes, router: OneNodeRouter, switchboard: Switchboard
) -> Services:
    config, clock, database = ground.config, ground.clock, ground.database
    return Services(
        domain=config.domain,
        ask_for_marks=config.ledger.ask,
        limits=config.limits,
        activity=DatabaseActivity(database.of("activity")),
        archive=ground.archive,
        blocking=ground.blocking,
        cards=DatabaseCards(database.of("vcards")),
        bus=ground.bus,
        clock=clock,
        crash_points=ground.crash_points,
        crew=ground.crew,
        directory=ground.directory,
        identity=ground.identity,
        interests=Interests(clock, token),
        ledger=ground.ledger,
        nodes=nodes,
        sync_counts=config.ledger.sync_counts,
        relay_marks=config.ledger.relay_marks,
        mint=ground.mint,
        preferences=ground.preferences,
        rosters=Rosters(
            DatabaseRosters(database.of("rosters")),
            departments=Departments(ground.directory, ground.bus, config.directory.roster_size),
        ),
        router=router,
        seal=ground.seal,
        sessions=OneNodeSessions(),
        token=token,
        tokens=ground.tokens,
        began=clock.monotonic(),
        features=switchboard.told(contact_forms(config.xmpp.contact)),
        registration=_registrar(ground),
        invitations=ground.invitations,
        guests=Registrar(ground.directory, ground.identity, clock, accounts=False),
        public=config.web.public if config.web is not None else "",
        bytestreams=_proxy(config, clock),
        rooms_domain=config.xmpp.rooms,
        book=ground.rooms,
    )


def _external(ground: Foundation, services: Services) -> ExternalServices:
    """Return who tells of STUN and TURN servers."""
    external = ExternalServices(
        ground.config.xmpp.services, services.domain, services.router, services.clock, token
    )
    ground.bus.subscribe(PoliciesChanged, external.take_policies)
    return external


def _pusher(ground: Foundation, services: Services) -> Pusher | None:
    """Return who wakes clients that sleep, unless that is off."""
    push = ground.config.push
    if not push.enabled:
        return None
    pusher = Pusher(
        ground.devices,
        services.domain,
        services.router,
        services.sessions,
        services.clock,
        services.crew,
        token,
        push.show,
    )
    ground.bus.subscribe(PoliciesChanged, pusher.take_policies)
    return pusher


def _registrar(ground: Foundation) -> Registrar | None:
    """Return who makes accounts and changes passwords for clients; ``None``: nobody."""
    mode = ground.config.xmpp.registration
    if mode == "off":
        return None
    return Registrar(ground.directory, ground.identity, ground.clock, accounts=mode == "open")


def _proxy(config: Config, clock: Clock) -> Bytestreams | None:
    """Return the proxy for files, unless it is off."""
    if not config.xmpp.proxy:
        return None
    return Bytestreams(clock, f"proxy.{config.domain}", config.xmpp.proxy_host)
