"""Any bytes are taken or end the connection; nothing is kept that was not asked for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.socks5 import Over, Phase, Reply, Socks5, Wanted

LONGEST = 2 + 255 + 5 + 255 + 2  # a greeting and a request


@settings(deadline=None, max_examples=1000)
@given(st.lists(st.binary(max_size=80), max_size=12), st.booleans())
def test_any_bytes(pieces: list[bytes], refuses: bool):
    engine = Socks5(0.0, 30.0, 120.0)
    said, ends, asked = 0, 0, 0
    for now, piece in enumerate([b"\x05", *pieces]):
        engine.receive(piece, float(now))
        for event in engine.events():
            assert not ends, "nothing happens after the end"
            if isinstance(event, Wanted):
                asked += 1
                assert len(event.name) == 40
                if refuses:
                    engine.refuse(Reply.NOT_ALLOWED, "no")
                else:
                    engine.accept()
            ends += isinstance(event, Over)
        said += len(engine.outbox())
        ends += sum(isinstance(event, Over) for event in engine.events())
        assert len(engine._held) <= LONGEST
    assert ends == (engine.phase is Phase.CLOSED)
    assert asked <= 1
    assert said <= LONGEST
