"""Features: their handlers, and the switchboard that joins them."""

from dataclasses import replace

import pytest

from clarion.lib.errors import UsageError
from clarion.xmpp.extension import Card, Extension, Switchboard

CARD = Card("one", "XEP-0001", "One", "tests/xmpp/test_extension.py")


def handler(*_: object) -> None:
    """Handle nothing."""


def feature(name: str, needs: tuple[str, ...] = ()) -> Extension:
    return Extension(replace(CARD, name=name, needs=needs))


def test_each_decorator_gives_the_handler_back_and_notes_it():
    one = feature("one")
    assert one.on_iq("get", "{a}query", at=("server", "account"))(handler) is handler
    assert one.on_message("{a}look")(handler) is handler
    assert one.on_presence("", "unavailable")(handler) is handler
    assert one.on_nonza("{a}nonza")(handler) is handler
    assert one.on_available(handler) is handler
    assert one.on_closed(handler) is handler
    board = Switchboard([one])
    assert set(board.iqs) == {("server", "get", "{a}query"), ("account", "get", "{a}query")}
    assert set(board.messages) == {"{a}look"}
    assert set(board.presences) == {"", "unavailable"}
    assert set(board.nonzas) == {"{a}nonza"}
    assert board.available == board.closed == [handler]


@pytest.mark.parametrize("what", ["iq", "message", "presence", "nonza"])
def test_two_features_may_not_claim_one_thing(what: str):
    features = [feature("one"), feature("two")]
    for one in features:
        if what == "iq":
            one.on_iq("get", "{a}query", at=("server",))(handler)
        else:
            getattr(one, f"on_{what}")("{a}tag")(handler)
    with pytest.raises(UsageError, match="claimed twice, also by 'two'"):
        Switchboard(features)


def test_what_is_not_the_same_may_be_claimed_by_two():
    one, two = feature("one"), feature("two")
    one.on_iq("get", "{a}query", at=("server",))(handler)
    two.on_iq("set", "{a}query", at=("server",))(handler)
    two.on_iq("get", "{a}query", at=("account",))(handler)
    assert len(Switchboard([one, two]).iqs) == 3


def test_a_need_that_is_missing_is_refused():
    with pytest.raises(UsageError, match="'one' needs 'two', which is off"):
        Switchboard([feature("one", ("two",))])
    Switchboard([feature("one", ("two",)), feature("two")])  # in whatever order


def test_what_all_features_tell_is_joined():
    cards = [
        replace(CARD, name="b", features=("y", "x"), stream_features=b"<b/>"),
        replace(CARD, name="a", features=("x",), account_features=("z",), stream_features=b"<a/>"),
    ]
    board = Switchboard(Extension(card) for card in cards)
    assert board.features == ("x", "y")
    assert board.account_features == ("z",)
    assert board.stream_features == b"<b/><a/>"
    assert board.cards == tuple(cards)
