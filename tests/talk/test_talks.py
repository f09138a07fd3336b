"""Every conversation under tests/talk goes as it is written, however the bytes are cut."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.matching import MismatchError, match, read_elements
from fakes.talk import CHUNKS, TalkError, play

HERE = Path(__file__).parent
TALKS = sorted(HERE.glob("*/*.talk"))


@pytest.mark.parametrize("path", TALKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("chunk", CHUNKS)
async def test_the_talk_goes_as_it_is_written(
    path: Path, chunk: int, record_property: Callable[[str, object], None]
):
    record_property("shows", f"tests/talk/{path.relative_to(HERE).as_posix()}")
    await play(path, chunk)


async def test_a_talk_that_goes_otherwise_says_where_and_what_came(tmp_path: Path):
    talk = tmp_path / "wrong.talk"
    talk.write_text(
        "# a comment\n? ann\nann/phone enters\nann/phone > <iq type='get' id='1'>\n"
        "  <ping xmlns='urn:xmpp:ping'/></iq>\nann/phone < <iq type='error' id='1' to='*'/>\n"
    )
    with pytest.raises(TalkError, match=r"wrong.talk:6 .*\n.*\n.* 'result' .* 'error'\ngot: <"):
        await play(talk, 4096)


def matched(expected: str, got: str):
    known: dict[str, str] = {}
    match(read_elements(expected)[0], read_elements(got)[0], known)
    return known


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("<a b='1' c='2'/>", "<a c='2' b='1'></a>"),
        ("<a xmlns='u'><b/></a>", "<p:a xmlns:p='u'><p:b/></p:a>"),
        ("<a>\n  <b/>\n</a>", "<a><b/></a>"),
        ("<a b='*'>*</a>", "<a b='1'>text</a>"),
        ("<a>**</a>", "<a><b/>text<c/></a>"),
        ("<a><b/>**</a>", "<a><b/><c/></a>"),
    ],
)
def test_what_is_the_same(expected: str, got: str):
    assert matched(expected, got) == {}


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("<a/>", "<b/>"),
        ("<a/>", "<a xmlns='u'/>"),
        ("<a/>", "<a b='1'/>"),
        ("<a b='*'/>", "<a/>"),
        ("<a>1</a>", "<a>2</a>"),
        ("<a/>", "<a><b/></a>"),
        ("<a><b/><c/></a>", "<a><c/><b/></a>"),
        ("<a><b/>**</a>", "<a/>"),
        ("<a><b/></a>", "<a><b/>x</a>"),
    ],
)
def test_what_is_not_the_same(expected: str, got: str):
    with pytest.raises(MismatchError):
        matched(expected, got)


def test_values_are_captured():
    assert matched("<a b='{x:id}'>{y/z:*}</a>", "<a b='1'>2</a>") == {"x": "1", "y/z": "2"}
