"""What a pubsub service answers and tells of (XEP-0060 sections 5 to 8, XEP-0163 section 4.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.node_config import NS
from clarion.wire.xmpp.pubsub_owner import OWNER
from clarion.wire.xmpp.result_set import RsmAnswer
from clarion.wire.xmpp.stamps import delay

EVENT: Final = f"{NS}#event"


@dataclass(frozen=True, slots=True)
class Written:
    """An item as it stands in an answer or event.

    Attributes:
        id: Its name; ``""``: it has none.
        payload: One self-contained element, or ``b""``.

    """

    id: str
    payload: bytes = b""


def items_answer(node: str, items: Iterable[bytes], page: RsmAnswer | None = None) -> bytes:
    """Answer a request for items (section 6.5), each of them an ``item_element``."""
    rest = b"" if page is None else serialise(page.to_element(), NS)
    inner = _in("items", node, b"".join(items))
    return b"<pubsub xmlns='%s'>%s%s</pubsub>" % (NS.encode(), inner, rest)


def published_answer(node: str, item_id: str) -> bytes:
    """Tell a publisher which item was published (section 7.1.2)."""
    inner = _in("publish", node, item_element(Written(item_id)))
    return b"<pubsub xmlns='%s'>%s</pubsub>" % (NS.encode(), inner)


def created_answer(node: str) -> bytes:
    """Tell an owner which node was made (section 8.1.2)."""
    return f"<pubsub xmlns='{NS}'><create node='{escape(node)}'/></pubsub>".encode()


def affiliations_answer(found: Iterable[tuple[str, str]], asked: str = "") -> bytes:
    """Tell somebody what they are to which nodes (section 5.7)."""
    named = f" node='{escape(asked)}'" if asked else ""
    inner = "".join(
        f"<affiliation node='{escape(node)}' affiliation='{said}'/>" for node, said in found
    )
    return f"<pubsub xmlns='{NS}'><affiliations{named}>{inner}</affiliations></pubsub>".encode()


def subscription_answer(node: str, jid: str, *, subscribed: bool) -> bytes:
    """Tell somebody what came of subscribing or unsubscribing (sections 6.1.2, 6.2.2)."""
    return (
        f"<pubsub xmlns='{NS}'>{_subscription(node, jid, subscribed=subscribed)}</pubsub>".encode()
    )


def subscriptions_answer(found: Iterable[tuple[str, str]], asked: str = "") -> bytes:
    """Tell somebody to which nodes they are subscribed, and as whom (section 5.6)."""
    named = f" node='{escape(asked)}'" if asked else ""
    inner = "".join(_subscription(node, jid, subscribed=True) for node, jid in found)
    return f"<pubsub xmlns='{NS}'><subscriptions{named}>{inner}</subscriptions></pubsub>".encode()


def _subscription(node: str, jid: str, *, subscribed: bool) -> str:
    said = "subscribed" if subscribed else "none"
    return f"<subscription node='{escape(node)}' jid='{escape(jid)}' subscription='{said}'/>"


def parties_answer(node: str, owner: str, found: Iterable[tuple[str, str]]) -> bytes:
    """Tell an owner who is what to a node (section 8.9.1)."""
    everybody = ((owner, "owner"), *found)
    inner = "".join(
        f"<affiliation jid='{escape(jid)}' affiliation='{said}'/>" for jid, said in everybody
    )
    return (
        f"<pubsub xmlns='{OWNER}'><affiliations node='{escape(node)}'>{inner}</affiliations>"
        "</pubsub>"
    ).encode()


def subscribers_answer(node: str, jids: Iterable[str]) -> bytes:
    """Tell an owner who is subscribed to a node (section 8.8.1)."""
    inner = "".join(f"<subscription jid='{escape(j)}' subscription='subscribed'/>" for j in jids)
    return (
        f"<pubsub xmlns='{OWNER}'><subscriptions node='{escape(node)}'>{inner}</subscriptions>"
        "</pubsub>"
    ).encode()


def configuration_answer(node: str, form: Form) -> bytes:
    """Give an owner the form of a node (section 8.2.2)."""
    inner = _in("configure", node, serialise(form.to_element(), OWNER))
    return b"<pubsub xmlns='%s'>%s</pubsub>" % (OWNER.encode(), inner)


def default_answer(form: Form) -> bytes:
    """Give the form of a new node (section 8.3.2)."""
    inner = serialise(form.to_element(), OWNER)
    return b"<pubsub xmlns='%s'><default>%s</default></pubsub>" % (OWNER.encode(), inner)


def items_event(node: str, item: Written | None) -> bytes:
    """Tell of an item (section 7.1.2.1); ``None``: only that there is news (section 4.3)."""
    return _event(_in("items", node, b"" if item is None else item_element(item)))


def retract_event(node: str, ids: Iterable[str]) -> bytes:
    """Tell of items that are gone (section 7.2.2.1)."""
    gone = "".join(f"<retract id='{escape(item)}'/>" for item in ids)
    return _event(_in("items", node, gone.encode()))


def purge_event(node: str) -> bytes:
    """Tell that all items are gone (section 8.5.2)."""
    return _event(_in("purge", node, b""))


def configuration_event(node: str, form: Form | None) -> bytes:
    """Tell that a node is set up anew (section 8.2.5); ``None``: but not how."""
    inner = b"" if form is None else serialise(form.to_element(), EVENT)
    return _event(_in("configuration", node, inner))


def delete_event(node: str) -> bytes:
    """Tell that a node is gone (section 8.4.2)."""
    return _event(_in("delete", node, b""))


class Notification:
    """A message that tells of an event, written once and addressed to many.

    Args:
        owner: The bare JID it comes from (XEP-0163 section 4.3.1).
        event: The ``<event/>``.
        message_id: Unique, so that an error can be told from another (section 7.1.2).
        headline: Its type, else normal.
        at: When the item was published, UNIX seconds, where that was earlier.

    """

    __slots__ = ("raw",)

    START: Final = b"<message"

    def __init__(
        self,
        owner: str,
        event: bytes,
        message_id: str,
        *,
        headline: bool = True,
        at: float | None = None,
    ) -> None:
        kind = " type='headline'" if headline else ""
        head = f" from='{escape(owner)}'{kind} id='{escape(message_id)}'>"
        late = b"" if at is None else delay(owner, at)
        self.raw = b"%s%s%s%s</message>" % (self.START, head.encode(), event, late)

    def to(self, address: str) -> bytes:
        """Return it for one JID."""
        return addressed(self.raw, address)


def addressed(raw: bytes, address: str) -> bytes:
    """Return the ``raw`` of a notification for one JID."""
    start = Notification.START
    return b"%s to='%s'%s" % (start, escape(address).encode(), raw[len(start) :])


def item_element(item: Written) -> bytes:
    """Return an ``<item/>``."""
    named = f" id='{escape(item.id)}'".encode() if item.id else b""
    if not item.payload:
        return b"<item%s/>" % named
    return b"<item%s>%s</item>" % (named, item.payload)


def _in(tag: str, node: str, inner: bytes) -> bytes:
    start = f"<{tag} node='{escape(node)}'".encode()
    return b"%s>%s</%s>" % (start, inner, tag.encode()) if inner else start + b"/>"


def _event(inner: bytes) -> bytes:
    return b"<event xmlns='%s'>%s</event>" % (EVENT.encode(), inner)
