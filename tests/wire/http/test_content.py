"""Media types, and names of files in header fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.http.content import (
    TYPE_LIMIT,
    MediaTypeError,
    disposition,
    media_type,
    type_fits,
    written_type,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ""),
        ("image/png", "image/png"),
        (" Text/HTML ; charset=utf-8", "text/html"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        (f"a/{'b' * 127}", f"a/{'b' * 127}"),
    ],
)
def test_a_media_type(text: str, name: str):
    assert media_type(text) == name


@pytest.mark.parametrize(
    "text", ["image", "image/", "/png", "a/b/c", "a b/c", "a/b\r\nX: y", "*/*", "a/" + "b" * 255]
)
def test_no_media_type(text: str):
    with pytest.raises(MediaTypeError):
        media_type(text)


@given(st.text(max_size=TYPE_LIMIT + 10))
def test_whatever_is_a_media_type_can_stand_in_a_header(text: str):
    try:
        name = media_type(text)
    except MediaTypeError:
        return
    assert name.isascii()
    assert name.isprintable()


def test_patterns():
    assert type_fits("image/png", ())
    assert type_fits("image/png", ("video/*", "image/*"))
    assert type_fits("image/png", ("image/png",))
    assert type_fits("image/png", ("*/*",))
    assert not type_fits("image/png", ("image/jpeg", "application/*"))


def test_what_is_not_said_is_octets():
    assert written_type("") == "application/octet-stream"
    assert written_type("text/plain") == "text/plain; charset=utf-8"
    assert written_type("text/html") == "text/html"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("image/png", True),
        ("audio/ogg", True),
        ("video/mp4", True),
        ("text/plain", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("application/pdf", False),
        ("application/xhtml+xml", False),
        ("", False),
    ],
)
def test_only_what_can_do_nothing_is_shown(kind: str, shown: bool):
    assert disposition("a", kind).startswith("inline; " if shown else "attachment; ")


def test_names():
    assert disposition('a "b"\\%41 \u00e9.txt', "") == (
        'attachment; filename="a _b___41 _.txt";'
        " filename*=UTF-8''a%20%22b%22%5C%2541%20%C3%A9.txt"
    )


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=50))
def test_a_name_ends_no_header(name: str):
    assert disposition(name, "").isprintable()
