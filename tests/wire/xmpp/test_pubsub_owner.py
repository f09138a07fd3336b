"""XEP-0060 section 8: what owners ask, as values."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.node_config import NODE_CONFIG
from clarion.wire.xmpp.node_parties import PartyKind
from clarion.wire.xmpp.pubsub_owner import (
    OWNER,
    Configure,
    Delete,
    GetConfiguration,
    GetDefault,
    OwnerAffiliations,
    Purge,
    parse_owner_request,
)


def read(kind, inner: str):
    return parse_owner_request(kind, parse(f"<pubsub xmlns='{OWNER}'>{inner}</pubsub>".encode()))


def configuration(kind: str = "submit") -> str:
    return (
        f"<x xmlns='jabber:x:data' type='{kind}'><field var='FORM_TYPE'>"
        f"<value>{NODE_CONFIG}</value></field></x>"
    )


@pytest.mark.parametrize(
    ("kind", "inner", "request_"),
    [
        ("get", "<default/>", GetDefault()),
        ("get", "<configure node='n'/>", GetConfiguration("n")),
        ("get", "<affiliations node='n'/>", OwnerAffiliations("n")),
        ("set", "<delete node='n'/>", Delete("n")),
        ("set", "<purge node='n'/>", Purge("n")),
        ("set", "<configure node='n'/>", Configure("n", None)),
        ("set", f"<configure node='n'>{configuration('cancel')}</configure>", Configure("n", None)),
    ],
)
def test_what_an_owner_may_ask(kind: str, inner: str, request_: object):
    assert read(kind, inner) == request_


def test_the_configuration_comes_along():
    asked = read("set", f"<configure node='n'>{configuration()}</configure>")
    assert asked.form.form_type == NODE_CONFIG


@pytest.mark.parametrize(
    ("kind", "inner", "condition"),
    [
        (
            "set",
            (
                "<affiliations node='n'><affiliation jid='a@b' affiliation='publisher'/>"
                "</affiliations>"
            ),
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
        ),
        (
            "set",
            "<affiliations node='n'><affiliation jid='a@b' affiliation='owner'/></affiliations>",
            StanzaCondition.FEATURE_NOT_IMPLEMENTED,
        ),
        (
            "set",
            "<affiliations node='n'><affiliation jid='a@b' affiliation='friend'/></affiliations>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
        (
            "set",
            "<affiliations node='n'><affiliation jid='@' affiliation='none'/></affiliations>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
        (
            "set",
            (
                "<subscriptions node='n'><subscription jid='a@b' subscription='pending'/>"
                "</subscriptions>"
            ),
            StanzaCondition.NOT_ACCEPTABLE,
        ),
        ("set", "<affiliations/>", StanzaCondition.BAD_REQUEST),
        ("set", "<default/>", StanzaCondition.BAD_REQUEST),
        ("set", "<delete/>", StanzaCondition.BAD_REQUEST),
        (
            "set",
            f"<configure node='n'>{configuration('result')}</configure>",
            StanzaCondition.BAD_REQUEST,
        ),
    ],
)
def test_what_an_owner_is_refused(kind: str, inner: str, condition: StanzaCondition):
    with pytest.raises(StanzaError) as caught:
        read(kind, inner)
    assert caught.value.condition is condition


def test_changes_come_one_by_one_and_what_is_not_said_stays():
    asked = read(
        "set",
        "<affiliations node='n'><affiliation jid='A@b/x' affiliation='member'/>"
        "<affiliation jid='c@b'/><affiliation jid='d@b' affiliation='none'/></affiliations>",
    )
    assert asked.changes == (("a@b", PartyKind.MEMBER), ("d@b", None))
    asked = read(
        "set",
        "<subscriptions node='n'><subscription jid='a@b/x' subscription='none'/>"
        "<subscription jid='c@b'/></subscriptions>",
    )
    assert asked.changes == ((parse_jid("a@b/x"), False),)


TAGS = st.sampled_from(["configure", "default", "delete", "purge", "affiliations"])
TREES = st.recursive(
    st.builds("<{0} node='n'/>".format, TAGS),
    lambda inner: st.builds("<{0} node='{2}'>{1}</{0}>".format, TAGS, inner, st.text("ab")),
    max_leaves=5,
)


@given(st.sampled_from(["get", "set"]), st.lists(TREES, max_size=3).map("".join))
def test_whatever_an_owner_asks_is_read_or_refused(kind: str, inner: str):
    with contextlib.suppress(StanzaError):
        read(kind, inner)
