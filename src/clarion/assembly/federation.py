"""Other servers and components, with all that only they need."""

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from clarion.assembly.foundation import Foundation
from clarion.core.ports import Parcel
from clarion.lib.peer_tls import connecting_context, listening_context
from clarion.wire.xmpp.errors import StanzaError
from clarion.wire.xmpp.server_events import PeerRules
from clarion.xmpp.afar import Afar
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.components import Components
from clarion.xmpp.federation.link import Link
from clarion.xmpp.federation.links import Links
from clarion.xmpp.federation.outside import OutsideDoor
from clarion.xmpp.federation.policy import SECRET_BYTES, Contexts, Policy, peer_rules
from clarion.xmpp.federation.resolving import DnsResolver, Resolver
from clarion.xmpp.interests import Interests
from clarion.xmpp.people import People
from clarion.xmpp.ports import TakenPort
from clarion.xmpp.router import OneNodeRouter
from clarion.xmpp.services import Services

KINDS: Final = frozenset({"server", "server-tls", "component"})
"""Listeners of this door."""


@asynccontextmanager
async def open_federation(
    ground: Foundation,
    services: Services,
    people: People,
    switchboard: Switchboard,
    router: OneNodeRouter,
    ports: Sequence[TakenPort],
) -> AsyncGenerator[OutsideDoor | None, None]:
    """Open the door to other domains; ``None`` where neither servers nor components are wanted.

    Raises:
        UsageError: It cannot be opened as configured.

    """
    xmpp = ground.config.xmpp
    federates = bool(xmpp.listen_server or xmpp.listen_server_tls)
    if not federates and not xmpp.components:
        yield None
        return
    keys = {one.domain: one.secret.get_secret_value() for one in xmpp.components}
    peers: tuple[PeerRules, Contexts] | None = None
    # Domains of ours that no other server can be, and those that others may write to.
    ours = frozenset({services.domain, services.proxy, xmpp.rooms, *keys})
    served = frozenset({services.domain, xmpp.rooms, *keys} - {""})
    policy = Policy(xmpp.federation, ours, served)
    make: Callable[[str, str, Callable[[Parcel, StanzaError], None]], Link] | None = None
    if federates:
        rules = peer_rules(policy, ground.config.limits, secrets.token_bytes(SECRET_BYTES))
        peers = (rules, _contexts(ground))
        make = partial(_link, services, *peers, DnsResolver(xmpp.federation.resolvers))
    links = Links(services, make, policy.admits)
    arrivals = Arrivals(services, people, switchboard)
    components = Components(services, ground.config.limits, keys, arrivals, links)
    door = OutsideDoor(
        services,
        ground.config.limits,
        links,
        arrivals,
        components,
        peers,
        ground.config.log.repeats,
    )
    router.add("domain", door.take)
    services.outside = door
    services.afar = Afar(Interests(services.clock, services.token), services.router)
    async with door.serve(ports):
        yield door


def _contexts(ground: Foundation) -> Contexts:
    federation, minimum = ground.config.xmpp.federation, ground.config.tls.minimum
    authorities = federation.authorities
    listening, begun = (
        listening_context(
            authorities, minimum=minimum, ask=federation.ask_certificates, direct=direct
        )
        for direct in (False, True)
    )
    contexts = Contexts(
        listening,
        begun,
        connecting_context(authorities, minimum=minimum, direct=False),
        connecting_context(authorities, minimum=minimum, direct=True),
    )
    assert ground.certificate is not None, "it is read where there is a listener for servers"
    for context in contexts.all:
        ground.certificate.show_in(context)
    return contexts


def _link(
    services: Services,
    rules: PeerRules,
    contexts: Contexts,
    resolver: Resolver,
    local: str,
    remote: str,
    bounce: Callable[[Parcel, StanzaError], None],
) -> Link:
    return Link(
        local,
        remote,
        rules=rules,
        contexts=contexts,
        resolver=resolver,
        clock=services.clock,
        crew=services.crew,
        bounce=bounce,
    )
