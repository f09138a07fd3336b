import pytest

from clarion.wire.websocket import close_frame, text_frame


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "8100"),
        (125, "817d"),
        (126, "817e007e"),
        (65_535, "817effff"),
        (65_536, "817f0000000000010000"),
    ],
)
def test_the_length_is_written_as_short_as_can_be(size: int, head: str):
    assert text_frame(b"x" * size) == bytes.fromhex(head) + b"x" * size


def test_a_close_frame_says_why():
    assert close_frame(1001) == bytes.fromhex("880203e9")
