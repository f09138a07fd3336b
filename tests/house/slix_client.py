"""An ordinary client in the test's own loop: slixmpp, with what it saw kept for waiting."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import slixmpp

from house.premises import HOST, PASSWORDS, SOON, Premises, address

PLUGINS = (
    "0030",
    "0045",
    "0060",
    "0115",
    "0163",
    "0184",
    "0191",
    "0198",
    "0199",
    "0280",
    "0313",
    "0333",
    "0352",
    "0359",
    "0490",
)


class SlixClient(slixmpp.ClientXMPP):
    """Keeps every event of its list, in order; ``saw`` waits for one that fits."""

    def __init__(self, local: str, resource: str, mechanism: str, ca: Any, way: str) -> None:
        super().__init__(
            f"{address(local)}/{resource}", PASSWORDS[local], sasl_mech=mechanism or None
        )
        self.ca_certs = ca
        self.enable_direct_tls = way == "tls"
        self.enable_starttls = way == "starttls"
        self.enable_plaintext = way == "plain"
        for plugin in PLUGINS:
            self.register_plugin(f"xep_{plugin}")
        self.plugin["feature_mechanisms"].unencrypted_plain = way == "plain"
        self.plugin["feature_mechanisms"].unencrypted_scram = way == "plain"
        self.auto_authorize = None  # the tests decide
        self.auto_subscribe = False
        self.seen: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        for event in (
            "session_start",
            "failed_all_auth",
            "stream_error",
            "disconnected",
            "message",
            "message_error",
            "groupchat_message",
            "groupchat_presence",
            "groupchat_invite",
            "receipt_received",
            "marker_displayed",
            "roster_update",
            "presence_available",
            "presence_away",
            "presence_unavailable",
            "presence_subscribe",
            "presence_subscribed",
            "presence_unsubscribed",
            "carbon_received",
            "carbon_sent",
            "blocked",
            "unblocked",
            "pubsub_retract",
            "message_displayed_synchronization_publish",
        ):
            self.add_event_handler(event, lambda what, event=event: self._note(event, what))

    def _note(self, event: str, what: Any) -> None:
        self.seen.append((event, what))
        self._news.set()

    async def saw(
        self, event: str, fits: Callable[[Any], Any] = lambda what: True, limit: float = SOON
    ) -> Any:
        """Wait until an event was seen, and take it."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    for place, (name, what) in enumerate(self.seen):
                        if name == event and fits(what):
                            del self.seen[place]
                            return what
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            names = [name for name, _ in self.seen]
            raise AssertionError(f"{self.boundjid} saw no fitting {event}, but {names}") from None


@asynccontextmanager
async def slix(
    house: Premises,
    local: str,
    *,
    resource: str = "slix",
    way: str = "starttls",
    mechanism: str = "SCRAM-SHA-256",
    present: bool = True,
) -> AsyncGenerator[SlixClient, None]:
    """A client that has logged in, asked for its roster and, if ``present``, gone on line."""
    client = SlixClient(local, resource, mechanism, house.ca, way)
    client.connect(HOST, house.ports[way])
    try:
        await client.saw("session_start")
        if present:
            await client.get_roster()
            client.send_presence()
        yield client
    finally:
        client.abort() if not client.is_connected() else await leave(client)


async def leave(client: SlixClient) -> None:
    async with asyncio.timeout(SOON):
        await client.disconnect(wait=1.0)
