"""A stanza that came to a room or to the rooms' domain, as far as it was read."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from clarion.core.ports import Parcel
from clarion.wire.xml import parse
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.splice import Child, dissect
from clarion.wire.xmpp.stanza import Stanza


class Incoming:
    """One stanza; a value.

    Args:
        parcel: With ``from`` and ``to`` in its bytes.

    Attributes:
        parcel: The same.
        sender: The full JID that it comes from.
        kind: Its type.
        nick: The resource that it is addressed to, ``""`` for the room itself.
        stanza: Its attributes and children.
        children: The same children, with their places.

    Raises:
        PeerError: It cannot be read.

    """

    __slots__ = ("_tree", "children", "kind", "nick", "parcel", "sender", "stanza")

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.sender: Jid = parse_jid(parcel.sender)
        self.kind = parcel.kind
        self.nick = parcel.resource
        self.stanza: Stanza
        self.children: Sequence[Child]
        self.stanza, self.children = dissect(parcel.stanza)
        self._tree: Element | None = None

    @property
    def id(self) -> str:
        """Its ``id``, or ``""``."""
        return self.stanza.attributes.get("id", "")

    @property
    def tree(self) -> Element:
        """The whole stanza as a tree.

        Raises:
            MalformedError: It is deeper or larger than a tree may be.

        """
        if self._tree is None:
            self._tree = parse(self.stanza.raw, CLIENT)
        return self._tree
