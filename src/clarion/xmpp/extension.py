"""What a feature of the XMPP door is: a card that says what it does, and its handlers.

A feature is a file in ``ext`` with one ``Extension``. ``ext/__init__.py`` lists
them all; the ``Switchboard`` joins them and refuses two that claim one tag, or
one whose needs are missing. There is no registry that files add themselves to.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Literal
from xml.etree.ElementTree import Element

from clarion.lib.errors import UsageError
from clarion.wire.xmpp.caps import Identity
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.sasl2 import inline_features
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.services import Features, NodeHandler, NodeKey

Status = Literal["complete", "partial"]
At = Literal["server", "account", "contact", "stranger", "session", "proxy", "upload", "room"]
"""Whom a request is for: the server, the requester's own account, somebody else's bare JID.

``stranger`` is somebody else's bare JID whose presence the requester does not
see; only nodes make that difference (``Extension.on_node``).

``proxy`` is the proxy for files (``xmpp/bytestreams.py``), ``upload`` whom people
ask for places for files (``core/upload_slots.py``), where there are such.

``room`` is a room's bare JID, for what the person's own server knows of rooms; all else a
room answers itself (``xmpp/rooms``).

``session`` is anybody's full JID: such a request goes on to that client, and
the handler only says whether it may, by raising or not.
"""

Payload = bytes | None
IqHandler = Callable[[Context, Stanza, Element], Payload | Awaitable[Payload]]
"""Answers a request: the bytes inside the result, ``None`` for an empty one.

Raises ``StanzaError``, or another error of ``lib/errors.py``, to refuse.
"""

MessageHandler = Callable[[Context, Stanza], Awaitable[object] | None]
"""Looks at a message from a local session before it is routed.

What it returns must be done before the message counts as handled (XEP-0198).
"""

PresenceHandler = Callable[[Context, Stanza], Awaitable[None] | None]
"""Takes a presence stanza that a local session sent."""

NonzaHandler = Callable[[Context, Stanza], None]

BindHandler = Callable[[Context, Stanza], bytes]
"""Switches something on while a resource is bound (XEP-0386); returns what is told of it."""

SessionHandler = Callable[[Context], Coroutine[Any, Any, None] | None]


@dataclass(frozen=True, slots=True)
class Card:
    """What ``docs/protocols.md`` prints of a feature.

    Attributes:
        name: The file's name without its ending.
        spec: ``"XEP-0199"`` or ``"RFC 6121"``, with sections where it is a part.
        title: The specification's title.
        version: The version of the XEP that was implemented, or ``""``.
        status: ``complete``, or ``partial`` with ``missing`` saying what is not there.
        missing: What of the specification is not there; empty when complete.
        features: Service discovery features of the server (XEP-0030).
        account_features: Features of a person's bare address.
        identities: What the server is because of it (XEP-0030 section 3.1).
        account_identities: What a person's bare address is because of it.
        stream_features: Elements among the stream features after log-in.
        needs: Names of other features without which this one cannot work.
        test: The test file that shows it, from the project's root.

    """

    name: str
    spec: str
    title: str
    test: str
    version: str = ""
    status: Status = "complete"
    missing: str = ""
    features: tuple[str, ...] = ()
    account_features: tuple[str, ...] = ()
    identities: tuple[Identity, ...] = ()
    account_identities: tuple[Identity, ...] = ()
    stream_features: bytes = b""
    needs: tuple[str, ...] = ()


class Extension:
    """One feature: its card, and its handlers by what they handle."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.iqs: dict[tuple[str, str, str], IqHandler] = {}
        self.nodes: dict[NodeKey, NodeHandler] = {}
        self.messages: dict[str, MessageHandler] = {}
        self.nonzas: dict[str, NonzaHandler] = {}
        self.binds: dict[str, BindHandler] = {}
        self.presences: dict[str, PresenceHandler] = {}
        self.available: list[SessionHandler] = []
        self.closed: list[SessionHandler] = []

    def on_iq(
        self, kind: Literal["get", "set"], tag: str, *, at: Iterable[At]
    ) -> Callable[[IqHandler], IqHandler]:
        """Take requests with this payload, sent to the server or to one's own account."""

        def add(handler: IqHandler) -> IqHandler:
            for place in at:
                self.iqs[place, kind, tag] = handler
            return handler

        return add

    def on_node(
        self, what: Literal["info", "items"], node: str, *, at: Iterable[At]
    ) -> Callable[[NodeHandler], NodeHandler]:
        """Answer service discovery of this node: the bytes inside ``<query/>`` (XEP-0030).

        ``"*"`` is every node that nobody else answers for, ``""`` with
        ``items`` what there is without a node, to which several features may
        add. ``None`` refuses with ``item-not-found``. For contacts the handler
        is asked only where the requester may see their presence, for strangers
        where they may not.
        """

        def add(handler: NodeHandler) -> NodeHandler:
            for place in at:
                self.nodes[place, what, node] = handler
            return handler

        return add

    def on_message(self, tag: str) -> Callable[[MessageHandler], MessageHandler]:
        """Look at messages from local people that have this child."""

        def add(handler: MessageHandler) -> MessageHandler:
            self.messages[tag] = handler
            return handler

        return add

    def on_presence(self, *kinds: str) -> Callable[[PresenceHandler], PresenceHandler]:
        """Take presence of these types from local sessions; ``""`` is available presence."""

        def add(handler: PresenceHandler) -> PresenceHandler:
            for kind in kinds:
                self.presences[kind] = handler
            return handler

        return add

    def on_nonza(self, tag: str) -> Callable[[NonzaHandler], NonzaHandler]:
        """Take this first-level element after binding."""

        def add(handler: NonzaHandler) -> NonzaHandler:
            self.nonzas[tag] = handler
            return handler

        return add

    def on_bind(self, tag: str) -> Callable[[BindHandler], BindHandler]:
        """Take this element of a request to bind (XEP-0386); its namespace is told as a feature."""

        def add(handler: BindHandler) -> BindHandler:
            self.binds[tag] = handler
            return handler

        return add

    def on_available(self, handler: SessionHandler) -> SessionHandler:
        """Run when a session has begun to take messages (priority of 0 or more)."""
        self.available.append(handler)
        return handler

    def on_closed(self, handler: SessionHandler) -> SessionHandler:
        """Run when a session has ended for good."""
        self.closed.append(handler)
        return handler


class Switchboard:
    """All features joined: who takes what.

    Raises:
        UsageError: Two features claim one tag, or a need is not there.

    """

    def __init__(self, extensions: Iterable[Extension]) -> None:
        self.extensions = tuple(extensions)
        self.iqs: Mapping[tuple[str, str, str], IqHandler] = self._join("iqs")
        self.nodes: Mapping[NodeKey, NodeHandler] = self._join("nodes")
        self.messages: Mapping[str, MessageHandler] = self._join("messages")
        self.nonzas: Mapping[str, NonzaHandler] = self._join("nonzas")
        self.binds: Mapping[str, BindHandler] = self._join("binds")
        self.presences: Mapping[str, PresenceHandler] = self._join("presences")
        self.available = [h for extension in self.extensions for h in extension.available]
        self.closed = [h for extension in self.extensions for h in extension.closed]
        cards = [extension.card for extension in self.extensions]
        self.cards = tuple(cards)
        self.features = tuple(sorted({f for card in cards for f in card.features}))
        self.account_features = tuple(sorted({f for card in cards for f in card.account_features}))
        namespaces = {tag[1:].partition("}")[0] for tag in self.binds}
        self.inline_features = inline_features(sorted(namespaces))
        self.stream_features = b"".join(card.stream_features for card in cards)
        present = {card.name for card in cards}
        for card in cards:
            for need in card.needs:
                if need not in present:
                    raise UsageError(f"feature {card.name!r} needs {need!r}, which is off")

    def told(self, forms: Iterable[Form] = ()) -> Features:
        """Return what service discovery is to tell.

        Args:
            forms: More about the server (XEP-0128).

        """
        return Features(
            self.features,
            self.account_features,
            tuple(one for card in self.cards for one in card.identities),
            tuple(one for card in self.cards for one in card.account_identities),
            tuple(forms),
            self.nodes,
        )

    def _join(self, what: str) -> dict[Any, Any]:
        joined: dict[Any, Any] = {}
        for extension in self.extensions:
            for key, handler in getattr(extension, what).items():
                if key in joined and what == "nodes" and key[1:] == ("items", ""):
                    joined[key] = _both(joined[key], handler)
                    continue
                if key in joined:
                    raise UsageError(f"{key!r} is claimed twice, also by {extension.card.name!r}")
                joined[key] = handler
        return joined


def _both(one: NodeHandler, other: NodeHandler) -> NodeHandler:
    """Return a handler that lists what both list."""

    async def listed(context: Context, stanza: Stanza, query: Element) -> bytes:
        told = b""
        for handler in (one, other):
            inner = handler(context, stanza, query)
            told += (await inner if isawaitable(inner) else inner) or b""
        return told

    return listed
