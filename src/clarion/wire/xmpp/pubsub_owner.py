"""What owners of nodes ask of a pubsub service, as values (XEP-0060 1.30 section 8)."""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.jid import Jid, JidError, parse_jid
from clarion.wire.xmpp.node_config import NODE_CONFIG, NS, refusal
from clarion.wire.xmpp.node_parties import PartyKind
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


@dataclass(frozen=True, slots=True)
class SetAffiliations:
    """Change what some are to a node (section 8.9.2).

    Attributes:
        node: Its name.
        changes: Bare JID and what it is from now on; ``None``: nothing.

    """

    node: str
    changes: tuple[tuple[str, PartyKind | None], ...]


@dataclass(frozen=True, slots=True)
class OwnerSubscriptions:
    """Who is subscribed to a node (section 8.8.1)."""

    node: str


@dataclass(frozen=True, slots=True)
class SetSubscriptions:
    """Change who is subscribed (section 8.8.2): each JID, and whether it is."""

    node: str
    changes: tuple[tuple[Jid, bool], ...]


OwnerRequest = (
    GetConfiguration
    | Configure
    | GetDefault
    | Delete
    | Purge
    | OwnerAffiliations
    | SetAffiliations
    | OwnerSubscriptions
    | SetSubscriptions
)


def parse_owner_request(kind: Kind, pubsub: Element) -> OwnerRequest:
    """Read a request that only an owner may make.

    Raises:
        StanzaError: It is none, or one that is not supported.

    """
    return _VOCABULARY.read(kind, pubsub)


def _configure(configure: Element, pubsub: Element) -> Configure:
    return Configure(node_of(configure), form_in(configure, NODE_CONFIG))


def _set_affiliations(affiliations: Element, pubsub: Element) -> SetAffiliations:
    changes: dict[str, PartyKind | None] = {}
    for one in affiliations.findall(f"{{{OWNER}}}affiliation"):
        said = one.get("affiliation")
        if said is not None:  # or it is not to be changed
            changes[_jid(one).bare] = _affiliation(said)
    return SetAffiliations(node_of(affiliations), tuple(changes.items()))


def _affiliation(said: str) -> PartyKind | None:
    if said == "none":
        return None
    if said in {"member", "outcast"}:
        return PartyKind(said)
    if said in {"owner", "publisher", "publish-only"}:
        feature = "multi-owner" if said == "owner" else f"{said}-affiliation"
        raise refusal(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            "unsupported",
            "only its owner writes to a node; others are member, outcast or none",
            feature=feature,
        )
    raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, f"{said!r} is no affiliation")


def _set_subscriptions(subscriptions: Element, pubsub: Element) -> SetSubscriptions:
    changes: dict[Jid, bool] = {}
    for one in subscriptions.findall(f"{{{OWNER}}}subscription"):
        said = one.get("subscription")
        if said not in {"none", "subscribed", None}:
            raise StanzaError(
                StanzaCondition.NOT_ACCEPTABLE, "a subscription is none or subscribed here"
            )
        if said is not None:
            changes[_jid(one)] = said == "subscribed"
    return SetSubscriptions(node_of(subscriptions), tuple(changes.items()))


def _jid(element: Element) -> Jid:
    try:
        return parse_jid(element.get("jid", ""))
    except JidError as error:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, str(error)) from None


_VOCABULARY: Final[Vocabulary[OwnerRequest]] = Vocabulary(
    OWNER,
    readers={
        ("get", "affiliations"): by_node(OwnerAffiliations),
        ("get", "configure"): by_node(GetConfiguration),
        ("get", "subscriptions"): by_node(OwnerSubscriptions),
        ("get", "default"): lambda default, pubsub: GetDefault(),
        ("set", "affiliations"): _set_affiliations,
        ("set", "configure"): _configure,
        ("set", "delete"): by_node(Delete),
        ("set", "purge"): by_node(Purge),
        ("set", "subscriptions"): _set_subscriptions,
    },
    unsupported={},
)
