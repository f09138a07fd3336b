"""What anybody may ask of a pubsub service, as values (XEP-0060 1.30, XEP-0163).

Reads requests and knows nothing of nodes. ``pubsub_owner.py`` reads what is
asked as an owner, ``pubsub_answers.py`` writes what is said in return, and
``node_config.py`` holds how a node is set up.
"""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import serialise
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.jid import Jid, JidError, parse_jid
from clarion.wire.xmpp.node_config import NODE_CONFIG, NS, PUBLISH_OPTIONS, refusal
from clarion.wire.xmpp.pubsub_reading import Kind, Vocabulary, form_in, name_of, node_of
from clarion.wire.xmpp.result_set import RsmRequest, find_request

PUBSUB: Final = f"{{{NS}}}pubsub"

IDS_LIMIT: Final = 100
"""LIMIT: items asked for by their ids at once."""

_ITEM: Final = f"{{{NS}}}item"
# A default namespace that nothing has, so that whatever is written declares its own.
_NOWHERE: Final = " "


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish an item (section 7.1).

    Attributes:
        node: Its name.
        has_item: Whether there is an item at all.
        item_id: As the publisher wants it; ``""``: the service makes one.
        payload: One self-contained element; ``b""`` for none.
        options: What the node must be like, or is made like (7.1.5).

    """

    node: str
    has_item: bool
    item_id: str = ""
    payload: bytes = b""
    options: Form | None = None


@dataclass(frozen=True, slots=True)
class Retract:
    """Take an item back (section 7.2); ``notify``: and tell of it."""

    node: str
    item_id: str
    notify: bool


@dataclass(frozen=True, slots=True)
class GetItems:
    """Get items (section 6.5).

    Attributes:
        node: Its name.
        ids: These; none: all, or as the next two say.
        newest: The newest so many.
        page: A page of them (XEP-0059).

    """

    node: str
    ids: tuple[str, ...] = ()
    newest: int | None = None
    page: RsmRequest | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Make a node (section 8.1); ``""`` asks for a name."""

    node: str
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class GetAffiliations:
    """What the requester is to the nodes (section 5.7); ``""``: to all of them."""

    node: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Hear of a node as this JID (section 6.1)."""

    node: str
    jid: Jid


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Hear no more of a node (section 6.2)."""

    node: str
    jid: Jid


@dataclass(frozen=True, slots=True)
class GetSubscriptions:
    """What the requester is subscribed to (section 5.6); ``""``: at all nodes."""

    node: str


Request = (
    Publish
    | Retract
    | GetItems
    | Create
    | GetAffiliations
    | GetSubscriptions
    | Subscribe
    | Unsubscribe
)


def parse_request(kind: Kind, pubsub: Element) -> Request:
    """Read a request that anybody may make.

    Raises:
        StanzaError: It is none, or one that is not supported.

    """
    return _VOCABULARY.read(kind, pubsub)


def self_contained(payload: Element) -> bytes:
    """Write a payload so that it may stand anywhere."""
    return serialise(payload, _NOWHERE)


def _publish(publish: Element, pubsub: Element) -> Publish:
    items = publish.findall(_ITEM)
    if len(items) > 1:
        raise PeerError("one item is published at a time")
    options = _publish_options(pubsub)
    if not items:
        return Publish(node_of(publish), has_item=False, options=options)
    payload = _payload(items[0])
    item_id = name_of(items[0], "id")
    return Publish(
        node_of(publish), has_item=True, item_id=item_id, payload=payload, options=options
    )


def _publish_options(pubsub: Element) -> Form | None:
    options = pubsub.find(f"{{{NS}}}publish-options")
    if options is None:
        return None
    form = form_in(options, PUBLISH_OPTIONS, named=True)
    if form is None:
        raise PeerError("publish options are a form")
    return form


def _payload(item: Element) -> bytes:
    if len(item) > 1:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "invalid-payload", "an item holds one element at most"
        )
    return self_contained(item[0]) if len(item) else b""


def _retract(retract: Element, pubsub: Element) -> Retract:
    node = node_of(retract)
    items = retract.findall(_ITEM)
    item_id = name_of(items[0], "id") if len(items) == 1 else ""
    if not item_id:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "item-required", "one item is taken back, by its id"
        )
    return Retract(node, item_id, notify=retract.get("notify") in {"1", "true"})


def _items(items: Element, pubsub: Element) -> GetItems:
    if items.get("subid") is not None:
        raise refusal(StanzaCondition.NOT_ACCEPTABLE, "invalid-subid", "there are no such ids here")
    ids = tuple(item.get("id", "") for item in items.findall(_ITEM))
    if len(ids) > IDS_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"at most {IDS_LIMIT} items are asked for by id"
        )
    newest = _newest(items.get("max_items"))
    return GetItems(node_of(items), ids, newest, find_request(pubsub))


def _newest(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) < 1:
        raise PeerError("max_items must be a number from 1")
    return int(text)


def _create(create: Element, pubsub: Element) -> Create:
    configure = pubsub.find(f"{{{NS}}}configure")
    if configure is None:
        return Create(name_of(create, "node"))
    if configure.get("node") is not None:
        raise PeerError("create names the node, configure does not")
    return Create(name_of(create, "node"), form_in(configure, NODE_CONFIG))


def _subscribe(subscribe: Element, pubsub: Element) -> Subscribe:
    if pubsub.find(f"{{{NS}}}options") is not None:
        raise refusal(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            "unsupported",
            "subscription-options is not supported",
            feature="subscription-options",
        )
    return Subscribe(node_of(subscribe), _jid(subscribe))


def _unsubscribe(unsubscribe: Element, pubsub: Element) -> Unsubscribe:
    return Unsubscribe(node_of(unsubscribe), _jid(unsubscribe))


def _jid(element: Element) -> Jid:
    try:
        return parse_jid(element.get("jid", ""))
    except JidError:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "invalid-jid", "the request names no JID to notify"
        ) from None


def _subscriptions(subscriptions: Element, pubsub: Element) -> GetSubscriptions:
    return GetSubscriptions(name_of(subscriptions, "node"))


def _affiliations(affiliations: Element, pubsub: Element) -> GetAffiliations:
    return GetAffiliations(name_of(affiliations, "node"))


_VOCABULARY: Final[Vocabulary[Request]] = Vocabulary(
    NS,
    readers={
        ("get", "affiliations"): _affiliations,
        ("get", "items"): _items,
        ("get", "subscriptions"): _subscriptions,
        ("set", "create"): _create,
        ("set", "publish"): _publish,
        ("set", "retract"): _retract,
        ("set", "subscribe"): _subscribe,
        ("set", "unsubscribe"): _unsubscribe,
    },
    unsupported={
        ("get", "default"): "retrieve-default-sub",
        ("get", "options"): "subscription-options",
        ("set", "options"): "subscription-options",
    },
)
