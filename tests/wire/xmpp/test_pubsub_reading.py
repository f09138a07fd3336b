"""What reading pubsub requests takes: tables of what may be asked, names, forms."""

from xml.etree.ElementTree import Element

import pytest

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.pubsub_reading import (
    NAME_LIMIT_BYTES,
    Vocabulary,
    by_node,
    form_in,
    name_of,
    node_of,
)

LONGEST = "\u00f6" * (NAME_LIMIT_BYTES // 2)


def unreadable(element: Element, pubsub: Element) -> str:
    raise PeerError("this cannot be read")


WORDS: Vocabulary[str] = Vocabulary(
    "n",
    readers={("get", "look"): by_node(str.upper), ("set", "odd"): unreadable},
    unsupported={("set", "dance"): "dancing"},
)


def ask(kind, inner: str) -> str:
    return WORDS.read(kind, parse(f"<pubsub xmlns='n'>{inner}</pubsub>".encode()))


def test_the_first_element_of_the_namespace_says_what_is_asked():
    assert ask("get", "<x xmlns='other'/><look node='a'/><odd/>") == "A"


@pytest.mark.parametrize(
    ("kind", "inner", "condition", "own", "text"),
    [
        ("get", "", StanzaCondition.BAD_REQUEST, b"", "must say what it asks for"),
        ("set", "<look node='a'/>", StanzaCondition.BAD_REQUEST, b"", "look is nothing to ask"),
        ("set", "<odd/>", StanzaCondition.BAD_REQUEST, b"", "this cannot be read"),
        ("get", "<look/>", StanzaCondition.BAD_REQUEST, b"<nodeid-required ", "names no node"),
        (
            "set",
            "<dance/>",
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            b"feature='dancing'",
            "dancing is not supported",
        ),
    ],
)
def test_what_is_not_in_the_table_or_cannot_be_read_is_refused(
    kind: str, inner: str, condition: StanzaCondition, own: bytes, text: str
):
    with pytest.raises(StanzaError, match=text) as caught:
        ask(kind, inner)
    assert caught.value.condition is condition
    assert own in caught.value.application
    assert bool(own) == bool(caught.value.application)


def test_a_name_may_be_so_long_and_no_longer():
    assert node_of(Element("x", node=LONGEST)) == LONGEST
    assert name_of(Element("x"), "id") == ""
    for read in (node_of, lambda element: name_of(element, "node")):
        with pytest.raises(StanzaError) as caught:
            read(Element("x", node=f"{LONGEST}xx"))
        assert caught.value.condition is StanzaCondition.NOT_ACCEPTABLE


def form(kind: str, form_type: str) -> Element:
    named = f"<field var='FORM_TYPE'><value>{form_type}</value></field>" if form_type else ""
    return parse(f"<f><x xmlns='jabber:x:data' type='{kind}'>{named}</x></f>".encode())


def test_a_form_is_submitted_and_of_its_type():
    assert form_in(Element("f"), "t") is None
    assert form_in(form("cancel", ""), "t") is None
    for name in ("t", ""):
        found = form_in(form("submit", name), "t")
        assert found is not None
        assert found.form_type == name
    for other in (form("submit", "u"), form("result", "t"), form("odd", "t")):
        with pytest.raises(PeerError):
            form_in(other, "t")
    with pytest.raises(PeerError):
        form_in(form("submit", ""), "t", named=True)
