"""Another server, as the house sees it: what goes there is kept, and it says what it is told."""

from typing import cast
from xml.etree.ElementTree import Element

from clarion.core.ports import Parcel
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT, STREAMS
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.afar import Afar
from clarion.xmpp.federation.arrivals import Arrivals
from clarion.xmpp.federation.under_way import UnderWay
from clarion.xmpp.interests import Interests
from clarion.xmpp.router import OneNodeRouter
from fakes.world import World

THERE = "other.example"


class Abroad:
    """The server of ``other.example``.

    Attributes:
        sent: What went there and was not looked at yet.
        held: Whether we stopped reading what it says.

    """

    host = "192.0.2.77"

    def __init__(self, world: World) -> None:
        self.sent: list[Parcel] = []
        self.held = False
        self._world = world
        services = world.services
        services.outside = self
        services.afar = Afar(Interests(services.clock, services.token), services.router)
        cast("OneNodeRouter", services.router).add("domain", self._take)
        self.arrivals = Arrivals(services, world.people, world.door.switchboard)
        self._under_way = UnderWay(services.crew, self, self.arrivals)  # type: ignore[arg-type]  # a fake

    def reaches(self, domain: str) -> bool:
        return domain == THERE

    def hold_reading(self, *, hold: bool) -> None:
        self.held = hold

    def _take(self, domain: str, parcel: Parcel) -> None:
        assert domain == THERE
        self.sent.append(parcel)

    async def say(self, *stanzas: str) -> None:
        """Say stanzas, and let everything settle that needs no time."""
        for stanza in stanzas:
            self._under_way.add(cut(stanza))
        await self._world.settle()

    def read(self) -> list[Element]:
        """Return, once, the stanzas that came."""
        sent, self.sent = self.sent, []
        return [parse(parcel.stanza, CLIENT) for parcel in sent]


def cut(text: str) -> Stanza:
    """Return a stanza as the slicer does."""
    slicer = Slicer(stanza_limit=1_000_000)
    slicer.feed(f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode())
    (stanza,) = slicer.feed(text.encode())
    assert isinstance(stanza, Stanza)
    return stanza
