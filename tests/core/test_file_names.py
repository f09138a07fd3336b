"""Whatever a client calls a file, the name is harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.core.file_names import ENDING_BYTES, NAME_BYTES, NAMELESS, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("très cool.jpg", "très cool.jpg"),
        ("tre\u0300s.jpg", "très.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\x.doc", "x.doc"),
        ("..", NAMELESS),
        ("/", NAMELESS),
        ("", NAMELESS),
        (" . ", NAMELESS),
        (".htaccess", "htaccess"),
        ("a\x00b\r\nSet-Cookie: x", "ab Set-Cookie_ x"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("line\u2028end", "line end"),
        ("half\ud800.txt", "half.txt"),
        ('<b>"x"|?*.txt', "_b__x____.txt"),
        ("\U0001f600.png", "\U0001f600.png"),
    ],
)
def test_a_name(text: str, name: str):
    assert safe_name(text) == name


def test_a_long_name_keeps_its_ending():
    name = safe_name("é" * 300 + ".tar.gz")
    assert len(name.encode()) <= NAME_BYTES
    assert name.startswith("éé")
    assert name.endswith("é.gz")
    assert len(safe_name("a" + "." + "x" * 300)) == NAME_BYTES
    assert len("." + "x" * ENDING_BYTES) > ENDING_BYTES


@given(st.text(st.characters(), max_size=300))
def test_any_name(text: str):
    name = safe_name(text)
    assert 1 <= len(name.encode()) <= NAME_BYTES
    assert not set(name) & set("/\\")
    assert name not in {".", ".."}
    assert all(unicodedata.category(c)[0] != "C" for c in name)
    assert unicodedata.is_normalized("NFC", name)
    assert safe_name(name) == name
