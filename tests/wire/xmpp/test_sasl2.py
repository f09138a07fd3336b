"""SASL2 on the wire: reading an ``<authenticate/>``, writing what it is told (XEP-0388)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.sasl import SaslCondition, SaslError
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp import sasl2
from clarion.wire.xmpp.sasl2 import (
    AGENT_LIMIT,
    BIND2,
    CLIENT_ID_LIMIT,
    COUNT_LIMIT,
    FAST,
    FEATURES_LIMIT,
    SASL2,
    SM,
    TAG_LIMIT,
    Request,
    TokenUse,
    UserAgent,
    Wishes,
    read_request,
)
from clarion.wire.xmpp.stanza import Stanza


def request(inner: str, mechanism: str = "PLAIN") -> Request:
    raw = f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{inner}</authenticate>"
    return read_request(Stanza(sasl2.AUTHENTICATE, {"mechanism": mechanism}, (), raw.encode()))


def test_nothing_but_a_mechanism():
    assert request("") == Request("PLAIN", None, Wishes())


def test_an_empty_initial_response_is_one():
    assert request("<initial-response/>").initial == ""
    assert request("<initial-response>AA==</initial-response>").initial == "AA=="


def test_the_client():
    agent = request(
        "<user-agent id='c1'><software> Awesome  XMPP</software><device>A&#9;shelf</device>"
        "<other xmlns='urn:x'/></user-agent>"
    ).wishes.agent
    assert agent == UserAgent("c1", "Awesome XMPP", "Ashelf")


def test_what_a_client_says_of_itself_is_bounded():
    long = "x" * 65
    assert CLIENT_ID_LIMIT == AGENT_LIMIT == TAG_LIMIT == 64
    agent = request(
        f"<user-agent id='{long}'><software>{long}</software></user-agent>"
    ).wishes.agent
    assert agent == UserAgent("", "x" * 64)
    bind = request(f"<bind xmlns='{BIND2}'><tag>{long}</tag></bind>").wishes.bind
    assert bind is not None
    assert bind.tag == ""


def test_what_is_to_be_on_from_the_start():
    wishes = request(
        f"<bind xmlns='{BIND2}'><tag>T</tag><enable xmlns='{SM}' resume='1'/>"
        "<x xmlns='urn:x'/></bind>"
        f"<resume xmlns='{SM}' previd='p' h='3'/>"
    ).wishes
    assert wishes.bind is not None
    assert wishes.bind.tag == "T"
    assert [element.tag for element in wishes.bind.features] == [f"{{{SM}}}enable", "{urn:x}x"]
    assert wishes.bind.features[0].attributes == {"resume": "1"}
    assert wishes.resume is not None
    assert wishes.resume.attributes == {"previd": "p", "h": "3"}


@pytest.mark.parametrize("number", [FEATURES_LIMIT, FEATURES_LIMIT + 1])
def test_too_many_features(number: int):
    many = "<x xmlns='urn:x'/>" * number
    inner = f"<bind xmlns='{BIND2}'>{many}</bind>"
    if number > FEATURES_LIMIT:
        with pytest.raises(SaslError):
            request(inner)
    else:
        request(inner)


@pytest.mark.parametrize(
    ("attributes", "use"),
    [
        ("", TokenUse()),
        (" count='0'", TokenUse(0)),
        (f" count='{COUNT_LIMIT}' invalidate='true'", TokenUse(COUNT_LIMIT, invalidate=True)),
        (" invalidate='1'", TokenUse(invalidate=True)),
        (" invalidate='false'", TokenUse()),
    ],
)
def test_tokens(attributes: str, use: TokenUse):
    wishes = request(
        f"<fast xmlns='{FAST}'{attributes}/><request-token xmlns='{FAST}' mechanism='M'/>"
    ).wishes
    assert wishes.token_use == use
    assert wishes.token_for == "M"


@pytest.mark.parametrize("count", ["", "-1", "x", "1.0", "²", str(COUNT_LIMIT + 1), "9" * 5000])
def test_counts_that_are_none(count: str):
    with pytest.raises(SaslError) as refused:
        request(f"<fast xmlns='{FAST}' count='{count}'/>")
    assert refused.value.condition is SaslCondition.MALFORMED_REQUEST


def test_success_without_and_with_additional_data():
    plain = sasl2.success(b"", "ann@corp.example/<", b"<x/>")
    assert (
        plain
        == (
            f"<success xmlns='{SASL2}'><authorization-identifier>ann@corp.example/&lt;"
            "</authorization-identifier><x/></success>"
        ).encode()
    )
    assert b"<additional-data>djE=</additional-data>" in sasl2.success(b"v1", "a", b"")


def test_a_failure_names_a_condition_of_rfc_6120():
    told = parse(sasl2.failure(SaslCondition.ABORTED, "a & b"))
    assert told[0].tag == "{urn:ietf:params:xml:ns:xmpp-sasl}aborted"
    assert told.findtext(f"{{{SASL2}}}text") == "a & b"


def test_features_without_anything_inline():
    assert b"inline" not in sasl2.authentication(["PLAIN"], [], b"")
    assert b"<fast " in sasl2.authentication(["PLAIN"], ["HT-SHA-256-NONE"], b"")
    assert sasl2.inline_features([]).endswith(f"<bind xmlns='{BIND2}'/>".encode())


NAMES = st.sampled_from(
    [
        *("initial-response", "user-agent", "software", "device", "bind", "tag", "resume"),
        *("fast", "request-token", "enable"),
    ]
)
SPACES = st.sampled_from([SASL2, BIND2, FAST, SM, "urn:x"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=80)


def _element(name: str, space: str, attributes: dict[str, str], inner: str) -> str:
    written = "".join(f" {key}='{escape(value)}'" for key, value in attributes.items())
    return f"<{name} xmlns='{space}'{written}>{inner}</{name}>"


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["id", "count", "invalidate", "mechanism", "previd", "h"]), TEXTS
)
TREES = st.recursive(
    TEXTS.map(escape),
    lambda inner: st.builds(
        _element, NAMES, SPACES, ATTRIBUTES, st.lists(inner, max_size=3).map("".join)
    ),
    max_leaves=12,
)


@given(TREES)
@settings(deadline=None, max_examples=300)
def test_whatever_is_in_it_is_read_or_refused(inner: str):
    try:
        wishes = request(inner).wishes
    except SaslError:
        return
    assert len(wishes.agent.id) <= CLIENT_ID_LIMIT
    assert len(wishes.agent.software) <= AGENT_LIMIT
    assert wishes.agent.software.isprintable()
