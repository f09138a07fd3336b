"""XEP-0060: what anybody asks, as values; what cannot be read is refused as the sections say."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import NODE_CONFIG, NS, PUBLISH_OPTIONS
from clarion.wire.xmpp.pubsub import (
    IDS_LIMIT,
    Create,
    GetAffiliations,
    GetItems,
    Publish,
    Retract,
    parse_request,
)
from clarion.wire.xmpp.result_set import RsmRequest

OPTIONS = (
    "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
    f"<value>{PUBLISH_OPTIONS}</value></field></x></publish-options>"
)


def read(kind, inner: str):
    return parse_request(kind, parse(f"<pubsub xmlns='{NS}'>{inner}</pubsub>".encode()))


def configuration(kind: str = "submit", form_type: str = NODE_CONFIG) -> str:
    return (
        f"<x xmlns='jabber:x:data' type='{kind}'><field var='FORM_TYPE'>"
        f"<value>{form_type}</value></field></x>"
    )


@pytest.mark.parametrize(
    ("kind", "inner", "request_"),
    [
        ("get", "<items node='n'/>", GetItems("n")),
        ("get", "<items node='n' max_items='2'/>", GetItems("n", newest=2)),
        ("get", "<items node='n'><item id='a'/><item id='b'/></items>", GetItems("n", ("a", "b"))),
        (
            "get",
            "<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set>",
            GetItems("n", page=RsmRequest(1)),
        ),
        ("get", "<affiliations/>", GetAffiliations("")),
        ("get", "<affiliations node='n'/>", GetAffiliations("n")),
        ("set", "<create/>", Create("")),
        ("set", "<create node='n'/><configure/>", Create("n")),
        ("set", "<retract node='n'><item id='a'/></retract>", Retract("n", "a", notify=False)),
        (
            "set",
            "<retract node='n' notify='true'><item id='a'/></retract>",
            Retract("n", "a", notify=True),
        ),
        ("set", "<publish node='n'/>", Publish("n", has_item=False)),
        ("set", "<publish node='n'><item/></publish>", Publish("n", has_item=True)),
        (
            "set",
            "<publish node='n'><item id='i'><a xmlns='x'><b xmlns='y'/>t</a></item></publish>",
            Publish("n", True, "i", b"<a xmlns='x'><b xmlns='y'/>t</a>"),  # has_item
        ),
        (
            "set",
            "<publish node='n'><item><a/></item></publish>",
            Publish("n", True, "", f"<a xmlns='{NS}'/>".encode()),  # has_item
        ),
        (
            "set",
            "<publish node='n'><item><a xmlns=''/></item></publish>",
            Publish("n", True, "", b"<a xmlns=''/>"),  # has_item
        ),
    ],
)
def test_what_anybody_may_ask(kind: str, inner: str, request_: object):
    assert read(kind, inner) == request_


def test_forms_come_along():
    assert read("set", f"<publish node='n'/>{OPTIONS}").options.form_type == PUBLISH_OPTIONS
    made = read("set", f"<create node='n'/><configure>{configuration()}</configure>")
    assert made.form.form_type == NODE_CONFIG


@pytest.mark.parametrize(
    ("kind", "inner", "condition", "own"),
    [
        ("get", "", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<x xmlns='other'/>", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<nonsense/>", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<publish node='n'/>", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<items/>", StanzaCondition.BAD_REQUEST, "nodeid-required"),
        ("get", "<items node='n' max_items='0'/>", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<items node='n' max_items='x'/>", StanzaCondition.BAD_REQUEST, ""),
        ("get", "<items node='n' subid='1'/>", StanzaCondition.NOT_ACCEPTABLE, "invalid-subid"),
        (
            "get",
            "<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><max>x</max></set>",
            StanzaCondition.BAD_REQUEST,
            "",
        ),
        ("set", "<publish/>", StanzaCondition.BAD_REQUEST, "nodeid-required"),
        ("set", "<publish node='n'><item/><item/></publish>", StanzaCondition.BAD_REQUEST, ""),
        (
            "set",
            "<publish node='n'><item><a/><b/></item></publish>",
            StanzaCondition.BAD_REQUEST,
            "invalid-payload",
        ),
        ("set", "<publish node='n'/><publish-options/>", StanzaCondition.BAD_REQUEST, ""),
        (
            "set",
            f"<publish node='n'/><publish-options>{configuration()}</publish-options>",
            StanzaCondition.BAD_REQUEST,
            "",
        ),
        (
            "set",
            (
                "<publish node='n'/><publish-options><x xmlns='jabber:x:data' type='submit'/>"
                "</publish-options>"
            ),
            StanzaCondition.BAD_REQUEST,
            "",
        ),
        (
            "set",
            f"<create node='n'/><configure>{configuration('form')}</configure>",
            StanzaCondition.BAD_REQUEST,
            "",
        ),
        (
            "set",
            "<create node='n'/><configure><x xmlns='jabber:x:data' type='odd'/></configure>",
            StanzaCondition.BAD_REQUEST,
            "",
        ),
        ("set", "<create node='n'/><configure node='n'/>", StanzaCondition.BAD_REQUEST, ""),
        ("set", "<retract node='n'/>", StanzaCondition.BAD_REQUEST, "item-required"),
        (
            "set",
            "<retract node='n'><item/></retract>",
            StanzaCondition.BAD_REQUEST,
            "item-required",
        ),
        ("set", "<unsubscribe/>", StanzaCondition.BAD_REQUEST, "nodeid-required"),
        ("set", "<subscribe node='n'/>", StanzaCondition.BAD_REQUEST, "invalid-jid"),
        ("set", "<subscribe node='n' jid='@'/>", StanzaCondition.BAD_REQUEST, "invalid-jid"),
        (
            "set",
            "<subscribe node='n' jid='a@b'/><options/>",
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
            "unsupported",
        ),
        ("get", "<options/>", StanzaCondition.FEATURE_NOT_IMPLEMENTED, "unsupported"),
    ],
)
def test_what_is_refused(kind: str, inner: str, condition: StanzaCondition, own: str):
    with pytest.raises(StanzaError) as caught:
        read(kind, inner)
    assert caught.value.condition is condition
    assert (f"<{own} ".encode() if own else b"") in caught.value.application
    assert bool(caught.value.application) == bool(own)


def test_so_many_items_are_asked_for_by_id_and_no_more():
    ids = "<item id='x'/>" * IDS_LIMIT
    assert len(read("get", f"<items node='n'>{ids}</items>").ids) == IDS_LIMIT == 100
    with pytest.raises(StanzaError) as caught:
        read("get", f"<items node='n'>{ids}<item id='y'/></items>")
    assert caught.value.condition is StanzaCondition.NOT_ACCEPTABLE


TAGS = st.sampled_from(
    ["publish", "retract", "items", "create", "configure", "item", "publish-options"]
)
TREES = st.recursive(
    st.builds("<{0} node='n' id='i'/>".format, TAGS),
    lambda inner: st.builds(
        "<{0} node='{2}'>{1}</{0}>".format, TAGS, inner, st.text("ab", max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(["get", "set"]), st.lists(TREES, max_size=3).map("".join))
def test_whatever_is_asked_is_read_or_refused(kind: str, inner: str):
    with contextlib.suppress(StanzaError):
        read(kind, inner)
