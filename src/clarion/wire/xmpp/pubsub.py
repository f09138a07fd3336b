"""What is asked of a pubsub service, as values (XEP-0060 1.30, XEP-0163).

Reads requests and knows nothing of nodes. ``pubsub_answers.py`` writes what is
said in return, ``node_config.py`` holds how a node is set up.
"""

from dataclasses import dataclass
from typing import Final, Literal
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import serialise
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM
from clarion.wire.xmpp.forms import Form, FormKind, parse_form
from clarion.wire.xmpp.node_config import NODE_CONFIG, NS, PUBLISH_OPTIONS, refusal
from clarion.wire.xmpp.result_set import RsmRequest, find_request

OWNER: Final = f"{NS}#owner"
PUBSUB: Final = f"{{{NS}}}pubsub"
PUBSUB_OWNER: Final = f"{{{OWNER}}}pubsub"

NAME_LIMIT_BYTES: Final = 1_023
"""LIMIT: a node's or item's name in UTF-8; both are JIDs or namespaces in practice."""
IDS_LIMIT: Final = 100
"""LIMIT: items asked for by their ids at once."""

Kind = Literal["get", "set"]

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
class GetConfiguration:
    """Get the form to configure a node with (section 8.2.1)."""

    node: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Set a node up (section 8.2.4); without a form: leave it as it is."""

    node: str
    form: Form | None


@dataclass(frozen=True, slots=True)
class GetDefault:
    """Get what a new node is like (section 8.3)."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a node (section 8.4)."""

    node: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Remove all items of a node (section 8.5)."""

    node: str


@dataclass(frozen=True, slots=True)
class OwnerAffiliations:
    """Who is what to a node (section 8.9.1)."""

    node: str


Request = Publish | Retract | GetItems | Create | GetAffiliations
OwnerRequest = GetConfiguration | Configure | GetDefault | Delete | Purge | OwnerAffiliations


def parse_request(kind: Kind, pubsub: Element) -> Request:
    """Read a request that anybody may make.

    Raises:
        StanzaError: It is none, or one that is not supported.

    """
    found = _first(pubsub, NS)
    name = found.tag.rpartition("}")[2]
    try:
        if (kind, name) == ("set", "publish"):
            return _publish(found, pubsub)
        if (kind, name) == ("set", "retract"):
            return _retract(found)
        if (kind, name) == ("get", "items"):
            return _items(found, pubsub)
        if (kind, name) == ("set", "create"):
            return _create(found, pubsub)
        if (kind, name) == ("get", "affiliations"):
            return GetAffiliations(_name(found.get("node", "")))
    except StanzaError:
        raise
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    raise _unsupported(_FEATURES.get((kind, name)), name)


def parse_owner_request(kind: Kind, pubsub: Element) -> OwnerRequest:
    """Read a request that only an owner may make.

    Raises:
        StanzaError: It is none, or one that is not supported.

    """
    found = _first(pubsub, OWNER)
    name = found.tag.rpartition("}")[2]
    if (kind, name) == ("get", "default"):
        return GetDefault()
    if (kind, name) == ("get", "configure"):
        return GetConfiguration(_node(found))
    if (kind, name) == ("set", "configure"):
        return Configure(_node(found), _submitted(found, NODE_CONFIG))
    if (kind, name) == ("set", "delete"):
        return Delete(_node(found))
    if (kind, name) == ("set", "purge"):
        return Purge(_node(found))
    if (kind, name) == ("get", "affiliations"):
        return OwnerAffiliations(_node(found))
    raise _unsupported(_OWNER_FEATURES.get((kind, name)), name)


def self_contained(payload: Element) -> bytes:
    """Write a payload so that it may stand anywhere."""
    return serialise(payload, _NOWHERE)


def _first(pubsub: Element, namespace: str) -> Element:
    """Return the child that says what is asked."""
    for child in pubsub:
        if child.tag.startswith(f"{{{namespace}}}"):
            return child
    raise StanzaError(StanzaCondition.BAD_REQUEST, "a pubsub request must say what it asks for")


def _publish(publish: Element, pubsub: Element) -> Publish:
    items = publish.findall(f"{{{NS}}}item")
    if len(items) > 1:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "one item is published at a time")
    options = pubsub.find(f"{{{NS}}}publish-options")
    form = None if options is None else _submitted(options, PUBLISH_OPTIONS)
    if options is not None and form is None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "publish options are a form")
    if not items:
        return Publish(_node(publish), has_item=False, options=form)
    payloads = list(items[0])
    if len(payloads) > 1:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "invalid-payload", "an item holds one element at most"
        )
    payload = self_contained(payloads[0]) if payloads else b""
    item_id = _name(items[0].get("id", ""))
    return Publish(_node(publish), has_item=True, item_id=item_id, payload=payload, options=form)


def _retract(retract: Element) -> Retract:
    node = _node(retract)
    items = retract.findall(f"{{{NS}}}item")
    item_id = _name(items[0].get("id", "")) if len(items) == 1 else ""
    if not item_id:
        raise refusal(
            StanzaCondition.BAD_REQUEST, "item-required", "one item is taken back, by its id"
        )
    return Retract(node, item_id, notify=retract.get("notify") in {"1", "true"})


def _items(items: Element, pubsub: Element) -> GetItems:
    if items.get("subid") is not None:
        raise refusal(StanzaCondition.NOT_ACCEPTABLE, "invalid-subid", "there are no such ids here")
    ids = tuple(one.get("id", "") for one in items.findall(f"{{{NS}}}item"))
    if len(ids) > IDS_LIMIT:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"at most {IDS_LIMIT} items are asked for by id"
        )
    text = items.get("max_items")
    newest = None
    if text is not None:
        if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) < 1:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "max_items must be a number from 1")
        newest = int(text)
    return GetItems(_node(items), ids, newest, find_request(pubsub))


def _create(create: Element, pubsub: Element) -> Create:
    configure = pubsub.find(f"{{{NS}}}configure")
    if configure is None:
        return Create(_name(create.get("node", "")))
    if configure.get("node") is not None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "create names the node, configure does not")
    return Create(_name(create.get("node", "")), _submitted(configure, NODE_CONFIG))


def _submitted(parent: Element, form_type: str) -> Form | None:
    """Return the form that was filled in; ``None``: there is none, or it was cancelled."""
    element = parent.find(FORM)
    if element is None:
        return None
    try:
        form = parse_form(element)
    except PeerError as error:
        raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None
    if form.kind is FormKind.CANCEL:
        return None
    if form.kind is not FormKind.SUBMIT or form.form_type not in {form_type, ""}:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the form must be a submitted {form_type}")
    if form_type == PUBLISH_OPTIONS and not form.form_type:
        raise StanzaError(StanzaCondition.BAD_REQUEST, f"the form must be a submitted {form_type}")
    return form


def _node(element: Element) -> str:
    """Return the node that a request is about.

    Raises:
        StanzaError: It names none.

    """
    node = _name(element.get("node", ""))
    if not node:
        raise refusal(StanzaCondition.BAD_REQUEST, "nodeid-required", "the request names no node")
    return node


def _name(name: str) -> str:
    if len(name.encode()) > NAME_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE,
            f"a node or item has a name of {NAME_LIMIT_BYTES} bytes at most",
        )
    return name


def _unsupported(feature: str | None, name: str) -> StanzaError:
    if feature is None:
        return StanzaError(StanzaCondition.BAD_REQUEST, f"{name} is nothing to ask for here")
    return refusal(
        StanzaCondition.FEATURE_NOT_IMPLEMENTED,
        "unsupported",
        f"{feature} is not supported",
        feature=feature,
    )


# What could be asked, and the name of the feature that would answer (section 10).
_FEATURES: Final = {
    ("set", "subscribe"): "subscribe",
    ("set", "unsubscribe"): "subscribe",
    ("get", "subscriptions"): "retrieve-subscriptions",
    ("get", "options"): "subscription-options",
    ("set", "options"): "subscription-options",
    ("get", "default"): "retrieve-default-sub",
}
_OWNER_FEATURES: Final = {
    ("get", "subscriptions"): "manage-subscriptions",
    ("set", "subscriptions"): "manage-subscriptions",
    ("set", "affiliations"): "modify-affiliations",
}
