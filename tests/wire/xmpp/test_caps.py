"""XEP-0115: the examples of sections 5.2 and 5.3, and what section 5.4 calls ill-formed."""

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.caps import (
    FEATURE_LIMIT,
    FORM_LIMIT,
    IDENTITY_LIMIT,
    NS,
    Caps,
    DiscoInfo,
    Identity,
    parse_caps,
    parse_info,
    verification_string,
)

FEATURES = (
    "http://jabber.org/protocol/disco#items",
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/muc",
    "http://jabber.org/protocol/disco#info",
)
COMPLEX = """<query xmlns='http://jabber.org/protocol/disco#info'
         node='http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w='>
    <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
    <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>
    <feature var='http://jabber.org/protocol/caps'/>
    <feature var='http://jabber.org/protocol/disco#info'/>
    <feature var='http://jabber.org/protocol/disco#items'/>
    <feature var='http://jabber.org/protocol/muc'/>
    <x xmlns='jabber:x:data' type='result'>
      <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
      <field var='ip_version' type='text-multi' ><value>ipv4</value><value>ipv6</value></field>
      <field var='os'><value>Mac</value></field>
      <field var='os_version'><value>10.5.1</value></field>
      <field var='software'><value>Psi</value></field>
      <field var='software_version'><value>0.11</value></field>
    </x></query>"""


def info(inner: str) -> DiscoInfo:
    wrapped = f"<query xmlns='http://jabber.org/protocol/disco#info'>{inner}</query>"
    return parse_info(parse(wrapped.encode()))


def form(inner: str) -> str:
    return f"<x xmlns='jabber:x:data' type='result'>{inner}</x>"


def form_type(*values: str, kind: str = " type='hidden'") -> str:
    inner = "".join(f"<value>{value}</value>" for value in values)
    return f"<field var='FORM_TYPE'{kind}>{inner}</field>"


def test_the_simple_example() -> None:
    told = verification_string((Identity("client", "pc", "Exodus 0.9.1"),), FEATURES)
    assert told == "QgayPKawpkPSDYmwT/WM94uAlu0="


def test_the_complex_example() -> None:
    assert parse_info(parse(COMPLEX.encode())).ver() == "q07IKJEyjvHSyhy//CH0CxmKi8w="


@pytest.mark.parametrize("algorithm", ["sha-1", "sha-256", "sha-512"])
def test_other_hashes(algorithm: str) -> None:
    expected = hashlib.new(algorithm.replace("-", ""), b"client/pc//<a<").digest()
    told = verification_string((Identity("client", "pc"),), ("a",), (), algorithm)
    assert base64.b64decode(told) == expected


def test_a_hash_nobody_knows_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        verification_string((), (), (), "md4")


@given(
    st.permutations(FEATURES),
    st.permutations([Identity("a", "b"), Identity("a", "b", "n", "de"), Identity("a-a", "b")]),
)
@settings(deadline=None, max_examples=30)
def test_the_order_does_not_matter(features: list[str], identities: list[Identity]) -> None:
    expected = verification_string(sorted(identities, key=str), sorted(features))
    assert verification_string(identities, features) == expected


def test_sorting_goes_by_octets() -> None:
    # U+F900 comes after U+10000 in UTF-16, and before it in UTF-8.
    expected = base64.b64encode(hashlib.sha1("Z<a<豈<𐀀<".encode()).digest()).decode()
    assert verification_string((), ("𐀀", "豈", "a", "Z")) == expected


def test_a_name_cannot_forge_a_feature() -> None:
    honest = verification_string((Identity("client", "pc", "x"),), ("muc",))
    forged = verification_string((Identity("client", "pc", "x<muc"),), ())
    assert honest != forged


def test_forms_that_count_for_nothing() -> None:
    plain = info("<feature var='a'/>")
    no_type = info("<feature var='a'/>" + form("<field var='os'><value>x</value></field>"))
    not_hidden = info("<feature var='a'/>" + form(form_type("t", kind="")))
    empty = info("<feature var='a'/>" + form(form_type()))
    assert plain == no_type == not_hidden == empty


def test_a_type_said_twice_the_same_way_is_one_type() -> None:
    assert info(form(form_type("t", "t"))).forms[0].form_type == "t"


@pytest.mark.parametrize(
    "inner",
    [
        "<identity category='client' type='pc'/>" * 2,
        "<feature var='a'/><feature var='b'/><feature var='a'/>",
        form(form_type("t")) * 2,
        form(form_type("t", "u")),
        "<identity category='c' type='t'/>" * (IDENTITY_LIMIT + 1),
        "".join(f"<feature var='{n}'/>" for n in range(FEATURE_LIMIT + 1)),
        form("") * (FORM_LIMIT + 1),
    ],
)
def test_what_is_ill_formed(inner: str) -> None:
    with pytest.raises(PeerError):
        info(inner)


def test_what_is_just_within_the_limits() -> None:
    told = info(
        "".join(f"<identity category='c' type='{n}'/>" for n in range(IDENTITY_LIMIT))
        + "".join(f"<feature var='{n}'/>" for n in range(FEATURE_LIMIT))
        + "".join(form(form_type(f"t{n}")) for n in range(FORM_LIMIT))
    )
    assert len(told.identities) == IDENTITY_LIMIT
    assert len(told.features) == FEATURE_LIMIT
    assert len(told.forms) == FORM_LIMIT


def caps(attributes: str) -> Caps:
    return parse_caps(parse(f"<c xmlns='{NS}' {attributes}/>".encode()))


def test_caps_are_read() -> None:
    told = caps("hash='sha-1' node='http://code.google.com/p/exodus' ver='Qgay='")
    assert told.query_node == "http://code.google.com/p/exodus#Qgay="
    assert told.verifiable
    assert not caps("node='n' ver='1.0' ext='a b'").verifiable
    assert not caps("node='n' ver='1.0' hash='md2'").verifiable


@pytest.mark.parametrize("attributes", ["", "node='n'", "ver='v'", "node='' ver='v'"])
def test_caps_that_lack_something(attributes: str) -> None:
    with pytest.raises(PeerError):
        caps(attributes)
