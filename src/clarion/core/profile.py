"""What may stand in a person's fields: name, phone, language, time zone.

Each check returns the one form that is kept and raises ``UsageError`` with
what is wrong and what to write instead.
"""

import re
import unicodedata
from typing import Final, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clarion.lib.errors import UsageError

NAME_LIMIT: Final = 256
"""LIMIT: characters of a name or title; rosters carry them at every log-in."""
PHONE_MOST_DIGITS: Final = 15
"""LIMIT: ITU-T E.164 (2010) section 6.2.1, the country code included."""
PHONE_LEAST_DIGITS: Final = 7
"""LIMIT: no country's full numbers are shorter; below it is an extension or a typing error."""
LANGUAGE_LIMIT: Final = 35
"""LIMIT: characters of a language tag, RFC 5646 section 4.4.1."""

_SEPARATORS: Final = str.maketrans("", "", " -./()\u00a0\u202f\u2010\u2011\u2013")
_OPTIONAL_ZERO: Final = re.compile(r"\(\s*0\s*\)")
# RFC 5646 section 2.1, without the grandfathered tags that section 2.2.8 deprecates.
_LANGUAGE: Final = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?)",
    re.IGNORECASE | re.ASCII,
)
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}", re.ASCII)
# Files beside the zones that are no zone of anybody (tz database, theory.html).
_NO_ZONES: Final = frozenset({"Factory"})


def checked_name(text: str, what: str = "name") -> str:
    """Return ``text`` in NFC with single spaces; may be empty.

    Raises:
        UsageError: Too long, or it holds control characters.

    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(name) > NAME_LIMIT:
        raise UsageError(f"{what}: at most {NAME_LIMIT} characters, got {len(name)}")
    for character in name:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise UsageError(f"{what}: U+{ord(character):04X} is a control character, leave it out")
    return name


def checked_phone(text: str) -> str:
    """Return ``text`` as an E.164 number, ``"+4930123456"``.

    Spaces, dashes, dots, slashes and brackets between the digits are dropped.

    Raises:
        UsageError: It is no international number.

    """
    if _OPTIONAL_ZERO.search(text):
        raise UsageError(f"phone: leave out the '(0)' in {text!r}")
    number = text.translate(_SEPARATORS)
    if number.startswith("00"):
        raise UsageError(f"phone: write '+' instead of the '00' in {text!r}")
    if not number.startswith("+"):
        raise UsageError(
            f"phone: {text!r} must start with '+' and the country code, e.g. '+4930123456'"
        )
    digits = number[1:]
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"phone: only digits may follow the '+' in {text!r}")
    if digits.startswith("0"):
        raise UsageError(f"phone: no country code starts with 0, as in {text!r}")
    if not PHONE_LEAST_DIGITS <= len(digits) <= PHONE_MOST_DIGITS:
        raise UsageError(
            f"phone: {PHONE_LEAST_DIGITS} to {PHONE_MOST_DIGITS} digits with the country code, "
            f"got {len(digits)} in {text!r}"
        )
    return number


def checked_language(text: str) -> str:
    """Return ``text`` as a BCP 47 tag in its usual case, ``"zh-Hant-TW"``.

    Raises:
        UsageError: It is not well-formed (RFC 5646 section 2.1).

    """
    if "_" in text:
        raise UsageError(f"language: write {text.replace('_', '-')!r} instead of {text!r}")
    found = _LANGUAGE.fullmatch(text) if len(text) <= LANGUAGE_LIMIT else None
    if found is None:
        raise UsageError(f"language: {text!r} is no BCP 47 tag such as 'de', 'zh-Hans' or 'en-US'")
    parts = [found["language"].lower()]
    if found["script"]:
        parts.append(found["script"].title())
    if found["region"]:
        parts.append(found["region"].upper())
    return "-".join(parts) + found["rest"].lower()


def checked_time_zone(text: str) -> str:
    """Return ``text`` when it is an IANA time zone that this machine knows.

    Raises:
        UsageError: It is none.

    """
    if text == "UTC":  # known even where no time zone data is installed
        return text
    if _ZONE.fullmatch(text) is None or text in _NO_ZONES or not _is_zone(text):
        raise UsageError(
            f"time zone: {text!r} is no IANA name such as 'Europe/Berlin' that this machine knows"
        )
    return text


def _is_zone(name: str) -> bool:
    # One file is read; zoneinfo.available_timezones() would read 600 of them on the loop.
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class PersonFields(TypedDict, total=False):
    """What can be said of a person besides the address; see ``Person``."""

    name: str
    phone: str | None
    language: str
    time_zone: str
    admin: bool


def checked_fields(fields: PersonFields, address: str) -> PersonFields:
    """Return ``fields`` in the form that is kept; an empty phone is none.

    Raises:
        UsageError: A field cannot be so.

    """
    good = fields.copy()
    if "name" in fields:
        good["name"] = checked_name(fields["name"]) or address.partition("@")[0]
    if "phone" in fields:
        good["phone"] = checked_phone(fields["phone"]) if fields["phone"] else None
    if "language" in fields:
        good["language"] = checked_language(fields["language"])
    if "time_zone" in fields:
        good["time_zone"] = checked_time_zone(fields["time_zone"])
    return good
