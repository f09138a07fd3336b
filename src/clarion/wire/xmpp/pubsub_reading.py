"""What reading pubsub requests takes whoever asks: a table of them, names, forms (XEP-0060 1.30).

One more request is a value, a reader of it, and a line in the ``Vocabulary`` of
its namespace; the feature it belongs to is then no longer ``unsupported``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM
from clarion.wire.xmpp.forms import Form, FormKind, parse_form
from clarion.wire.xmpp.node_config import refusal

NAME_LIMIT_BYTES: Final = 1_023
"""LIMIT: a node's or item's name in UTF-8; both are JIDs or namespaces in practice."""

R = TypeVar("R")
Kind = Literal["get", "set"]
Reader = Callable[[Element, Element], R]
"""Reads the element that says what is asked; the ``pubsub`` around it holds what goes with it.

A ``PeerError`` that is no ``StanzaError`` becomes bad-request.
"""


@dataclass(frozen=True, slots=True)
class Vocabulary(Generic[R]):
    """What may be asked in one namespace.

    Attributes:
        namespace: Of the elements that say what is asked.
        readers: By the kind of IQ and the element's name.
        unsupported: What else the standard has, and the name of the feature
            that would answer it (section 10).

    """

    namespace: str
    readers: Mapping[tuple[Kind, str], Reader[R]]
    unsupported: Mapping[tuple[Kind, str], str]

    def read(self, kind: Kind, pubsub: Element) -> R:
        """Read a request.

        Raises:
            StanzaError: It is none, or one that is not supported.

        """
        element = self._first(pubsub)
        name = element.tag.rpartition("}")[2]
        reader = self.readers.get((kind, name))
        if reader is None:
            raise _unsupported(self.unsupported.get((kind, name)), name)
        try:
            return reader(element, pubsub)
        except StanzaError:
            raise
        except PeerError as error:
            raise StanzaError(StanzaCondition.BAD_REQUEST, str(error)) from None

    def _first(self, pubsub: Element) -> Element:
        """Return the child that says what is asked."""
        for child in pubsub:
            if child.tag.startswith(f"{{{self.namespace}}}"):
                return child
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a pubsub request must say what it asks for")


def by_node(make: Callable[[str], R]) -> Reader[R]:
    """Return the reader of a request that names a node and says no more."""

    def read(element: Element, pubsub: Element) -> R:
        return make(node_of(element))

    return read


def node_of(element: Element) -> str:
    """Return the node that a request is about.

    Raises:
        StanzaError: It names none, or the name is too long.

    """
    node = name_of(element, "node")
    if not node:
        raise refusal(StanzaCondition.BAD_REQUEST, "nodeid-required", "the request names no node")
    return node


def name_of(element: Element, attribute: str) -> str:
    """Return the name of a node or item that an attribute holds; ``""``: none.

    Raises:
        StanzaError: It is longer than ``NAME_LIMIT_BYTES``.

    """
    name = element.get(attribute, "")
    if len(name.encode()) > NAME_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE,
            f"a node or item has a name of {NAME_LIMIT_BYTES} bytes at most",
        )
    return name


def form_in(element: Element, form_type: str, *, named: bool = False) -> Form | None:
    """Return the form that was filled in; ``None``: there is none, or it was cancelled.

    Args:
        element: What the form is in.
        form_type: What its fields must mean.
        named: Whether the form must say so itself.

    Raises:
        PeerError: It is another form, or none that can be read.

    """
    found = element.find(FORM)
    if found is None:
        return None
    form = parse_form(found)
    if form.kind is FormKind.CANCEL:
        return None
    types = {form_type} if named else {form_type, ""}
    if form.kind is not FormKind.SUBMIT or form.form_type not in types:
        raise PeerError(f"the form must be a submitted {form_type}")
    return form


def _unsupported(feature: str | None, name: str) -> StanzaError:
    if feature is None:
        return StanzaError(StanzaCondition.BAD_REQUEST, f"{name} is nothing to ask for here")
    return refusal(
        StanzaCondition.FEATURE_NOT_IMPLEMENTED,
        "unsupported",
        f"{feature} is not supported",
        feature=feature,
    )
