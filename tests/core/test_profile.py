"""What may stand in a person's fields."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core import profile
from clarion.core.profile import (
    LANGUAGE_LIMIT,
    NAME_LIMIT,
    PHONE_LEAST_DIGITS,
    PHONE_MOST_DIGITS,
    checked_fields,
    checked_language,
    checked_name,
    checked_phone,
    checked_time_zone,
)
from clarion.lib.errors import UsageError


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("+4930123456", "+4930123456"),
        (" +49 (30) 12-34.56 ", "+4930123456"),
        ("+1/212\u00a0555\u20110100", "+12125550100"),
        ("+" + "1" * PHONE_LEAST_DIGITS, "+" + "1" * PHONE_LEAST_DIGITS),
        ("+" + "9" * PHONE_MOST_DIGITS, "+" + "9" * PHONE_MOST_DIGITS),
    ],
)
def test_a_phone_is_kept_as_e164(text: str, kept: str):
    assert checked_phone(text) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("+49 (0)30 123456", "leave out the '(0)'"),
        ("0049 30 123456", "write '+' instead of the '00'"),
        ("030 123456", "must start with '+'"),
        ("", "must start with '+'"),
        ("+49 30 CALL ME", "only digits"),
        ("+٤٩٣٠١٢٣٤٥", "only digits"),
        ("+0301234567", "starts with 0"),
        ("+" + "1" * (PHONE_LEAST_DIGITS - 1), "7 to 15 digits"),
        ("+" + "1" * (PHONE_MOST_DIGITS + 1), "7 to 15 digits"),
    ],
)
def test_a_phone_is_refused_with_the_reason(text: str, reason: str):
    with pytest.raises(UsageError, match=r"^phone: ") as refused:
        checked_phone(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("DE", "de"),
        ("en-us", "en-US"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("de-CH-1996", "de-CH-1996"),
        ("zh-cmn-Hans-CN", "zh-cmn-Hans-CN"),
        ("en-x-corp", "en-x-corp"),
    ],
)
def test_a_language_is_kept_in_its_usual_case(text: str, kept: str):
    assert checked_language(text) == kept


@pytest.mark.parametrize("text", ["", "german language", "d", "en--US", "en-", "x" * 40, "déu"])
def test_a_language_must_be_well_formed(text: str):
    with pytest.raises(UsageError, match="BCP 47"):
        checked_language(text)


def test_a_language_tag_has_a_limit():
    tag = "en-x-" + "abcdefgh-" * 3
    assert len(checked_language(tag + "abc")) == LANGUAGE_LIMIT
    with pytest.raises(UsageError):
        checked_language(tag + "abcd")


def test_a_locale_name_is_answered_with_the_tag():
    with pytest.raises(UsageError, match="write 'en-US' instead of 'en_US'"):
        checked_language("en_US")


@pytest.mark.parametrize("text", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+3"])
def test_time_zones_are_those_of_iana(text: str):
    assert checked_time_zone(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Berlin",
        "europe/berlin",
        "+02:00",
        "../../etc/passwd",
        "/etc/localtime",
        "Factory",
        "posixrules",
        "right/UTC",
        "Europe",
        "Europe/Berlin\x00",
    ],
)
def test_other_time_zones_are_refused(text: str):
    with pytest.raises(UsageError, match=r"^time zone: "):
        checked_time_zone(text)


def test_utc_needs_no_time_zone_data(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(profile, "ZoneInfo", None)
    assert checked_time_zone("UTC") == "UTC"


def test_a_name_has_single_spaces_and_one_form():
    assert checked_name("  Zoe\u0308 \t Müller ") == "Zoë Müller"
    assert checked_name("  ") == ""


def test_a_name_has_a_limit_and_no_control_characters():
    assert checked_name("x" * NAME_LIMIT) == "x" * NAME_LIMIT
    with pytest.raises(UsageError, match="at most 256 characters"):
        checked_name("x" * (NAME_LIMIT + 1))
    with pytest.raises(UsageError, match=r"U\+001B"):
        checked_name("red \x1b[31m")
    with pytest.raises(UsageError, match=r"^title: "):
        checked_name("\ud800", "title")


def test_fields_fall_back_and_empty_phones_are_none():
    fields = checked_fields({"name": " ", "phone": "", "admin": True}, "ann@corp.example")
    assert fields == {"name": "ann", "phone": None, "admin": True}


@settings(deadline=None)
@given(st.text())
def test_any_text_is_accepted_or_refused(text: str):
    for check in (checked_phone, checked_language, checked_time_zone, checked_name):
        try:
            kept = check(text)
        except UsageError:
            continue
        assert check(kept) == kept
