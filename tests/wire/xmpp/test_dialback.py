import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xmpp.dialback import (
    KEY_LIMIT,
    RESULT,
    Dialback,
    dialback_key,
    read_dialback,
    write_dialback,
)
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.stanza import Stanza


def test_the_key_of_the_specification():
    """XEP-0220, the example of section 2.1.1."""
    key = dialback_key(b"s3cr3tf0rd14lb4ck", "montague.example", "capulet.example", "D60000229F")
    assert key == "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3"


def element(attributes: dict[str, str], inner: str = "key") -> Stanza:
    raw = f"<db:result>{inner}</db:result>" if inner else "<db:result/>"
    return Stanza(RESULT, attributes, (), raw.encode())


PAIR = {"from": "A.Example", "to": "b.example"}


def test_what_is_read_is_normalised():
    assert read_dialback(element(PAIR, " key\n")) == Dialback("a.example", "b.example", key="key")


def test_an_answer_has_no_key():
    told = read_dialback(element({**PAIR, "type": "valid", "id": "s1"}, ""))
    assert told == Dialback("a.example", "b.example", "s1", "valid")


@pytest.mark.parametrize(
    ("attributes", "inner", "condition"),
    [
        ({"to": "b.example"}, "key", StreamCondition.IMPROPER_ADDRESSING),
        ({**PAIR, "from": "a..b"}, "key", StreamCondition.IMPROPER_ADDRESSING),
        (PAIR, "", StreamCondition.BAD_FORMAT),
        (PAIR, "<x/>", StreamCondition.BAD_FORMAT),
        (PAIR, "a b", StreamCondition.BAD_FORMAT),
        (PAIR, "k" * (KEY_LIMIT + 1), StreamCondition.BAD_FORMAT),
    ],
)
def test_what_is_refused(attributes: dict[str, str], inner: str, condition: StreamCondition):
    with pytest.raises(StreamError) as caught:
        read_dialback(element(attributes, inner))
    assert caught.value.condition is condition


def test_what_is_written():
    said = Dialback("a.example", "b.example", "i'd", "error")
    written = write_dialback("verify", said, StanzaError(StanzaCondition.ITEM_NOT_FOUND))
    assert written.startswith(b"<db:verify from='a.example' to='b.example' id='i&apos;d' type='err")
    assert b"<item-not-found " in written
    valid = write_dialback("result", Dialback("a.example", "b.example", kind="valid"))
    assert valid == b"<db:result from='a.example' to='b.example' type='valid'/>"


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.binary())
def test_a_key_belongs_to_its_stream(one: str, other: str, stream: str, secret: bytes):
    key = dialback_key(secret, "a.example", "b.example", "s1")
    assert len(key) == 64
    if (one, other, stream) != ("a.example", "b.example", "s1"):
        try:
            assert dialback_key(secret, one, other, stream) != key or (
                f"{one} {other} {stream}" == "a.example b.example s1"
            )
        except UnicodeEncodeError:
            assert any("\ud800" <= c <= "\udfff" for c in one + other + stream)
