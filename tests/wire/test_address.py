"""One form of an address: what is the same, what is refused, and with which words."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clarion.lib.errors import UsageError
from clarion.wire.address import (
    CACHED_LENGTH,
    EXCLUDED,
    LABEL_LIMIT,
    PART_LIMIT,
    AddressError,
    normalise_address,
    normalise_domain,
    normalise_local,
)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ann@corp.example", "ann@corp.example"),
        ("Ann.Smith@CORP.Example.", "ann.smith@corp.example"),
        ("A\u0308nn@corp.example", "änn@corp.example"),
        ("\uff21\uff4e\uff4e@corp.example", "ann@corp.example"),
        ("foo\\20bar@corp.example", "foo\\20bar@corp.example"),
        ("fußball@corp.example", "fußball@corp.example"),
        ("π@corp.example", "π@corp.example"),
        ("user%+tag=x@corp.example", "user%+tag=x@corp.example"),
        ("안나@회사.example", "안나@회사.example"),
        ("דנה@corp.example", "דנה@corp.example"),
    ],
)
def test_two_ways_to_write_an_address_have_one_form(written: str, normal: str):
    assert normalise_address(written) == normal
    assert normalise_address(normal) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Bücher.Example", "bücher.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("XN--Bcher-KVA.example", "bücher.example"),
        ("faß.example", "faß.example"),
        ("日本。example", "日本.example"),
        ("\uff43orp.example", "corp.example"),
        ("localhost", "localhost"),
        ("r3---sn.example", "r3---sn.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
    ],
)
def test_a_domain_is_kept_as_people_read_it(written: str, normal: str):
    assert normalise_domain(written) == normal
    assert normalise_domain(normal) == normal


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("corp.example", "no @"),
        ("@corp.example", "before the @ is empty"),
        ("ann@", "domain is empty"),
        ("ann@.", "domain is empty"),
        ("an n@corp.example", "U+0020 (SPACE)"),
        ("ﬁnn@corp.example", "U+FB01"),
        ("ann\u0000@corp.example", "U+0000"),
        ("ann\ud800@corp.example", "U+D800"),
        ("1א@corp.example", "right-to-left"),
        ("a\uff20b@corp.example", "must not hold @"),
        ("a@b@corp.example", "must not hold '@'"),
        ("ann@corp..example", "empty label"),
        ("ann@-corp.example", "hyphen"),
        ("ann@corp_x.example", "'_'"),
        ("ann@☃.example", "SNOWMAN"),
        ("ann@xn--.example", "not a valid international name"),
        (f"ann@xn--{'Ä'.encode('punycode').decode()}", "not a valid international name"),
        ("ann@xn--corp-.example", "not a valid international name"),
        ("ann@xn--99.example", "not a valid international name"),
        ("ann@xn--bcher-kva-.example", "not a valid international name"),
        ("ann@xn--\u00e9.example", "RFC 5891"),
        ("ann@\u0301a.example", "RFC 5891"),
        ("ann@1.2.3", "not an IPv4 address"),
        ("ann@999.0.0.1", "not an IPv4 address"),
        ("ann@[::1", "in brackets"),
        ("ann@[fe80::1%eth0]", "zone"),
        ("ann@[127.0.0.1]", "in brackets"),
    ],
)
def test_a_refusal_says_what_is_wrong(written: str, reason: str):
    with pytest.raises(AddressError) as caught:
        normalise_address(written)
    assert reason in str(caught.value)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("character", EXCLUDED)
def test_the_characters_that_a_jid_excludes_are_refused(character: str):
    with pytest.raises(AddressError):
        normalise_local(f"a{character}b")
    with pytest.raises(AddressError):
        normalise_local(f"ä{character}b")


def test_a_part_has_1023_octets_at_most():
    assert len(normalise_local("a" * PART_LIMIT)) == PART_LIMIT
    assert normalise_local("é" * (PART_LIMIT // 2))
    for long in ("a" * (PART_LIMIT + 1), "é" * (PART_LIMIT // 2 + 1), "é" * (PART_LIMIT + 1)):
        with pytest.raises(AddressError, match="1023 octets"):
            normalise_local(long)
    domain = ".".join(["a" * 62] * 17)
    assert normalise_domain(domain[:1022] + "a.") == domain[:1022] + "a"
    for long in (domain, "é" * 10 + "." + ".".join(["é" * 30] * 17), "a" * 5000):
        with pytest.raises(AddressError, match="octets"):
            normalise_domain(long)


@pytest.mark.parametrize(
    "label", ["a" * (LABEL_LIMIT + 1), "é" * 60, "xn--" + "a" * 60, "\uff41" * 64]
)
def test_a_label_has_63_octets_at_most(label: str):
    with pytest.raises(AddressError, match="63 octets"):
        normalise_domain(f"{label}.example")
    assert normalise_domain(f"{'a' * LABEL_LIMIT}.example")


def test_what_is_too_long_for_the_cache_is_normalised_all_the_same():
    long = "Ä" * (CACHED_LENGTH + 1)
    assert normalise_local(long) == long.lower()
    with pytest.raises(AddressError, match=r"\.\.\.' is not an address"):
        normalise_address("a" * 1000)


@given(st.text(max_size=40) | st.text("xn--aé.@[]:1\uff0e\u3002", max_size=20))
@example("\u0130@x")
@settings(deadline=None)
def test_a_normal_form_is_its_own_normal_form(text: str):
    for normalise in (normalise_local, normalise_domain, normalise_address):
        try:
            normal = normalise(text)
        except AddressError:
            continue
        assert normalise(normal) == normal
        assert "/" not in normal
        assert normal == normal.strip()
