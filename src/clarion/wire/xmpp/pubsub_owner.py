"""What owners of nodes ask of a pubsub service, as values (XEP-0060 1.30 section 8)."""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.node_config import NODE_CONFIG, NS
from clarion.wire.xmpp.pubsub_reading import Kind, Vocabulary, by_node, form_in, node_of

OWNER: Final = f"{NS}#owner"
PUBSUB_OWNER: Final = f"{{{OWNER}}}pubsub"


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


OwnerRequest = GetConfiguration | Configure | GetDefault | Delete | Purge | OwnerAffiliations


def parse_owner_request(kind: Kind, pubsub: Element) -> OwnerRequest:
    """Read a request that only an owner may make.

    Raises:
        StanzaError: It is none, or one that is not supported.

    """
    return _VOCABULARY.read(kind, pubsub)


def _configure(configure: Element, pubsub: Element) -> Configure:
    return Configure(node_of(configure), form_in(configure, NODE_CONFIG))


_VOCABULARY: Final[Vocabulary[OwnerRequest]] = Vocabulary(
    OWNER,
    readers={
        ("get", "affiliations"): by_node(OwnerAffiliations),
        ("get", "configure"): by_node(GetConfiguration),
        ("get", "default"): lambda default, pubsub: GetDefault(),
        ("set", "configure"): _configure,
        ("set", "delete"): by_node(Delete),
        ("set", "purge"): by_node(Purge),
    },
    unsupported={
        ("get", "subscriptions"): "manage-subscriptions",
        ("set", "affiliations"): "modify-affiliations",
        ("set", "subscriptions"): "manage-subscriptions",
    },
)
