"""A household whose people have rosters and presence, and what their clients are sent, in short."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from clarion.core.ports import Parcel
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.presence import presence
from clarion.xmpp.ext.roster import roster
from clarion.xmpp.ext.subscriptions import subscriptions, take
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.shifts import Shifts
from clarion.xmpp.subscription_states import KINDS
from fakes.household import DOMAIN, Client, Household, household, settle

_ROSTER = "{jabber:iq:roster}"
GET = "<query xmlns='jabber:iq:roster'/>"


def shortened(address: str | None) -> str:
    """Return an address without our domain."""
    return "-" if address is None else address.replace(f"@{DOMAIN}", "")


def short(raw: bytes) -> str:
    """Say in a few words what a client was sent."""
    tree = parse(raw, CLIENT)
    name = tree.tag.rpartition("}")[2]
    kind = tree.get("type", "available")
    if name == "presence" and kind != "error":
        return f"{kind} {shortened(tree.get('from'))}>{shortened(tree.get('to'))}"
    if kind == "error":
        error = tree.find(f"{{{CLIENT}}}error")
        assert error is not None
        return f"error {error[0].tag.rpartition('}')[2]}"
    query = tree.find(f"{_ROSTER}query")
    if query is None:
        return kind
    items = []
    for item in query:
        words = [shortened(item.get("jid")), item.get("subscription", "")]
        words += [word for word in ("ask", "approved") if item.get(word)]
        words += [f"name={item.get('name')}"] if item.get("name") else []
        words += [f"in={group.text}" for group in item]
        items.append(" ".join(words))
    what = "push" if kind == "set" else "roster"
    return f"{what} {query.get('ver')}: " + ", ".join(sorted(items))


def in_short(raws: Iterable[bytes]) -> list[str]:
    """Say of each stanza what it is."""
    return [short(raw) for raw in raws]


class Acquaintances:
    """A household with the features of RFC 6121 on."""

    def __init__(self, house: Household) -> None:
        self.house = house
        self.services = house.services
        self.people = house.people
        self.clients: list[Client] = []

    async def client(
        self, name: str, resource: str = "phone", *, interested: bool = True, available: bool = True
    ) -> Client:
        """Log in as clients do: ask for the roster, send presence; what came is forgotten."""
        client = await self.house.log_in(name, resource, priority=None)
        self.clients.append(client)
        if interested:
            await client.ask("get", GET)
        if available:
            await client.say("<presence/>")
        self.quiet()
        return client

    def quiet(self) -> None:
        """Forget what was sent so far."""
        for client in self.clients:
            client.line.take()

    async def hang_up(self, client: Client) -> None:
        """End a session for good, as ``lifecycle.py`` does."""
        context = client.context
        context.session.ended = True
        context.entity.sessions.pop(context.session.id)
        self.services.sessions.withdraw(context.account, context.session.id)
        for closed in self.house.switchboard.closed:
            assert closed(context) is None
        self.clients.remove(client)
        await settle()

    async def say(self, client: Client, kind: str, to: str) -> list[str]:
        """Send presence of a type to somebody of the house."""
        return in_short(await client.say(f"<presence type='{kind}' to='{to}@{DOMAIN}'/>"))

    async def befriend(self, one: str, other: str) -> None:
        """Let both see each other's presence."""
        await self.house.contacts(one, other, "both")
        await self.house.contacts(other, one, "both")

    async def book(self, owner: str) -> RosterBook:
        return await self.services.rosters.book(self.house.person(owner))

    async def item(self, owner: str, contact: str) -> RosterItem | None:
        return (await self.book(owner)).get(f"{contact}@{DOMAIN}")


@asynccontextmanager
async def acquaintances(roster_size: int = 300) -> AsyncGenerator[Acquaintances, None]:
    """Open a household with rosters, subscriptions and presence."""
    async with household(roster, subscriptions, presence, roster_size=roster_size) as house:

        def handed(address: str, parcel: Parcel) -> None:
            if parcel.name == "presence" and parcel.kind in KINDS:
                house.services.crew.spawn(
                    take(house.services, house.people, parcel, address), name="take"
                )
                return
            entity = house.people.get(address)
            if entity is not None:
                entity.take_presence(parcel)

        house.services.router.connect({"person": handed}, lambda _session, _stanza: None)
        Shifts(house.services, house.people)
        yield Acquaintances(house)
