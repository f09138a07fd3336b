"""RFC 1928 as XEP-0065 section 10.2 uses it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.socks5 import EARLY_LIMIT, Over, Phase, Reply, Socks5, Wanted

NAME = "972b7bf47291ca609517f67f86b5081086052dad"
GREETING = b"\x05\x01\x00"
ADDRESS = b"\x03\x28" + NAME.encode() + b"\0\0"
REQUEST = b"\x05\x01\x00" + ADDRESS


def engine(*pieces: bytes) -> Socks5:
    one = Socks5(100.0, 30.0, 120.0)
    for piece in pieces:
        one.receive(piece, 100.0)
    return one


def ends(one: Socks5) -> list[str]:
    return [event.why for event in one.events() if isinstance(event, Over)]


def test_a_client_asks_for_a_bytestream_and_gets_it():
    one = engine(GREETING)
    assert one.outbox() == b"\x05\x00"
    one.receive(REQUEST, 105.0)
    assert one.events() == [Wanted(NAME)]
    assert one.outbox() == b""
    one.accept()
    # BND.ADDR and BND.PORT are those of the request (XEP-0065 section 6.3.2)
    assert one.outbox() == b"\x05\x00\x00" + ADDRESS
    assert one.phase is Phase.READY


def test_a_hash_is_the_same_in_capitals():
    one = engine(GREETING, REQUEST.replace(NAME.encode(), NAME.upper().encode()))
    assert one.events() == [Wanted(NAME)]
    one.outbox()
    one.accept()
    assert NAME.upper().encode() in one.outbox()


def test_a_client_that_is_refused_is_told():
    one = engine(GREETING, REQUEST)
    one.outbox()
    one.refuse(Reply.NOT_ALLOWED, "because")
    assert one.outbox() == b"\x05\x02\x00" + ADDRESS
    assert one.events() == [Wanted(NAME), Over("because")]
    one.accept()
    one.receive(REQUEST, 101.0)
    assert (one.outbox(), one.events(), one.deadline()) == (b"", [], None)


@pytest.mark.parametrize("methods", [b"\x05\x00", b"\x05\x01\x02", b"\x05\x02\x01\x02"])
def test_nobody_can_log_in(methods: bytes):
    one = engine(methods)
    assert one.outbox() == b"\x05\xff"
    assert ends(one) == ["the client insists on a log-in"]


def test_one_acceptable_method_will_do():
    assert engine(b"\x05\x03\x02\x01\x00").outbox() == b"\x05\x00"


NOWHERE = b"\x01\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"\x05\x02", b"\x05\x07\x00" + NOWHERE),  # BIND
        (b"\x05\x03", b"\x05\x07\x00" + NOWHERE),  # UDP ASSOCIATE, which is optional
        (b"\x05\x01\x00\x01", b"\x05\x08\x00" + NOWHERE),  # IPv4
        (b"\x05\x01\x00\x04", b"\x05\x08\x00" + NOWHERE),  # IPv6
        (b"\x05\x01\x00\x03\x04host\0\0", b"\x05\x04\x00\x03\x04host\0\0"),
        (b"\x05\x01\x00\x03\x00\0\0", b"\x05\x04\x00\x03\x00\0\0"),
        (REQUEST[:-1] + b"\x50", b"\x05\x04\x00" + ADDRESS[:-1] + b"\x50"),  # port 80
        (b"\x04", b""),
    ],
)
def test_what_is_no_bytestream_is_refused(request_: bytes, said: bytes):
    one = engine(GREETING)
    one.outbox()
    one.receive(request_, 100.0)
    assert one.outbox() == said
    assert len(ends(one)) == 1
    assert one.phase is Phase.CLOSED


def test_another_version_ends_it():
    assert ends(engine(b"\x04\x01")) == ["not SOCKS5"]


def test_who_hangs_up_is_gone():
    assert ends(engine(GREETING, b"")) == ["the client hung up"]


def test_who_says_nothing_is_given_up():
    one = engine(GREETING)
    assert one.deadline() == 130.0
    one.wake(129.9)
    assert not one.events()
    one.wake(130.0)
    assert ends(one) == ["no bytestream began in time"]


def test_the_other_party_may_take_longer():
    one = engine(GREETING)
    one.receive(REQUEST, 129.0)
    assert one.deadline() == 249.0


def test_bytes_before_the_bytestream_are_passed_over():
    one = engine(GREETING, REQUEST + b"x", b"x" * (EARLY_LIMIT - 1))
    assert one.events() == [Wanted(NAME)]
    one.receive(b"x", 100.0)
    assert ends(one) == ["too much was sent before the bytestream began"]


def run(data: bytes, cuts: list[int]) -> tuple[list[object], bytes]:
    """Return events and what is said for ``data`` cut at these places."""
    one = Socks5(0.0, 30.0, 120.0)
    events: list[object] = []
    said = b""
    places = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    for start, end in zip([0, *places], places, strict=False):
        if start == end:
            continue
        one.receive(data[start:end], 0.0)
        for event in one.events():
            events.append(event)
            if isinstance(event, Wanted):
                one.accept()
        said += one.outbox()
        events += one.events()
    return events, said


BYTES = st.lists(
    st.sampled_from([GREETING, REQUEST, REQUEST[:-3], b"\x05\x02\x00\x02", b"\x05", b"\0", b"x"])
    | st.binary(max_size=20),
    max_size=6,
).map(b"".join)


@settings(deadline=None)
@given(BYTES, st.lists(st.integers(0, 200), max_size=8))
def test_cuts_change_nothing(data: bytes, cuts: list[int]):
    whole = run(data, [])
    assert run(data, cuts) == whole
    for size in (1, 7, 4096):
        assert run(data, list(range(size, len(data) + size, size))) == whole
