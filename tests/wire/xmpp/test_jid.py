"""JIDs: the examples of RFC 7622 section 3.5, the limits, and how they compare."""

import pytest

from clarion.lib.errors import PeerError
from clarion.wire.address import PART_LIMIT
from clarion.wire.xmpp import jid as jid_module
from clarion.wire.xmpp.jid import (
    CACHED_LENGTH,
    JID_LIMIT,
    Jid,
    JidError,
    make_jid,
    parse_jid,
    prepare_resource,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("juliet@example.com", ("juliet", "example.com", "")),
        ("juliet@example.com/foo", ("juliet", "example.com", "foo")),
        ("juliet@example.com/foo bar", ("juliet", "example.com", "foo bar")),
        ("juliet@example.com/foo@bar", ("juliet", "example.com", "foo@bar")),
        ("foo\\20bar@example.com", ("foo\\20bar", "example.com", "")),
        ("fussball@example.com", ("fussball", "example.com", "")),
        ("fußball@example.com", ("fußball", "example.com", "")),
        ("π@example.com", ("π", "example.com", "")),
        ("\u03a3@example.com/foo", ("\u03c3", "example.com", "foo")),
        ("king@example.com/♚", ("king", "example.com", "♚")),
        ("example.com", ("", "example.com", "")),
        ("example.com/foobar", ("", "example.com", "foobar")),
        ("a.example.com/b@example.net", ("", "a.example.com", "b@example.net")),
        ("server/resource@foo/bar", ("", "server", "resource@foo/bar")),
        ("User@[2001:638:a000:4134::ffff:40]/X", ("user", "[2001:638:a000:4134::ffff:40]", "X")),
    ],
)
def test_the_parts_of_a_jid(text: str, parts: tuple[str, str, str]):
    jid = parse_jid(text)
    assert (jid.local, jid.domain, jid.resource) == parts
    assert jid.bare == (f"{parts[0]}@{parts[1]}" if parts[0] else parts[1])
    assert jid.full == (f"{jid.bare}/{parts[2]}" if parts[2] else jid.bare)
    assert str(jid) == jid.full
    assert parse_jid(jid.full) == jid


@pytest.mark.parametrize(
    "text",
    [
        '"juliet"@example.com',
        "foo bar@example.com",
        "@example.com/",
        "@example.com",
        "henry\u2163@example.com",
        "♚@example.com",
        "juliet@",
        "/foobar",
        "",
        "juliet@example.com/",
        "juliet@example.com/a\nb",
        "juliet@example.com/a\ud800",
        "juliet@exa mple.com",
    ],
)
def test_what_is_no_jid_is_refused_each_time(text: str):
    for _ in range(2):
        with pytest.raises(JidError, match="not a JID") as caught:
            parse_jid(text)
        assert isinstance(caught.value, PeerError)


def test_a_resource_is_an_opaque_string():
    assert prepare_resource("Phone\u3000A\u030a") == "Phone Å"
    assert prepare_resource("é" * (PART_LIMIT // 2))
    assert prepare_resource("a" * PART_LIMIT)
    for long in ("a" * (PART_LIMIT + 1), "é" * (PART_LIMIT // 2 + 1)):
        with pytest.raises(JidError, match="1023 octets"):
            prepare_resource(long)
    with pytest.raises(JidError, match="empty"):
        prepare_resource("")


def test_a_jid_has_three_parts_of_1023_octets_at_most():
    domain = ".".join(["a" * 63] * 15 + ["b" * 63])
    text = f"{'a' * PART_LIMIT}@{domain}/{'r' * PART_LIMIT}"
    assert parse_jid(text).full == text
    with pytest.raises(JidError, match=str(JID_LIMIT)):
        parse_jid("a" * (JID_LIMIT + 1))


def test_jids_compare_by_their_prepared_text():
    assert parse_jid("Ann@Corp.Example/x") == make_jid("ann", "corp.example", "x")
    assert parse_jid("ann@corp.example/x") != parse_jid("ann@corp.example/X")
    assert len({parse_jid("Ann@corp.example"), parse_jid("ann@corp.example")}) == 1
    assert make_jid("", "corp.example") == Jid("", "corp.example")
    with pytest.raises(JidError):
        make_jid("a b", "corp.example")


def test_only_short_jids_are_remembered_and_no_bad_ones():
    parse_jid("remember@corp.example")
    assert parse_jid("remember@corp.example") is parse_jid("remember@corp.example")
    size = jid_module._parse_cached.cache_info().currsize
    parse_jid(f"ann@corp.example/{'x' * CACHED_LENGTH}")
    with pytest.raises(JidError):
        parse_jid("never remembered@corp.example")
    assert jid_module._parse_cached.cache_info().currsize == size
    assert jid_module._parse_cached.cache_info().maxsize == jid_module.CACHE_SIZE
