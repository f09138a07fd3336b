"""One form of an address for chat, mail and SIP: ``local@domain`` (RFC 7622, 8265, 5890).

Two texts name the same person exactly when their normal forms are equal, so
everything that is stored, compared or looked up is a normal form. The limits
and the excluded characters are those of a JID, the strictest of the three
worlds; what passes here is lawful in all of them (mail quotes where it must).
"""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Final

from precis_i18n import get_profile

from clarion.lib.errors import UsageError

PART_LIMIT: Final = 1023
"""Octets of UTF-8 in each part of an address, RFC 7622 sections 3.2 to 3.4."""
LABEL_LIMIT: Final = 63
"""Octets in one label of a domain as the DNS sees it, RFC 1035 section 2.3.4."""
EXCLUDED: Final = "\"&'/:<>@"
"""Characters that PRECIS allows in a user name and RFC 7622 section 3.3.1 does not."""
CACHE_SIZE: Final = 16384
"""Parts remembered each way; see ``CACHED_LENGTH``."""
CACHED_LENGTH: Final = 128
"""Characters of the longest part that is remembered, so that a stranger who
sends long names cannot fill the memory: 16,384 of them are at most a few MiB."""

_USERNAME: Final = get_profile("UsernameCaseMapped")
_PLAIN_LOCAL: Final = re.compile(r"[!#-%(-.0-9;=?A-Z\[-~]{1,1023}")
_PLAIN_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_FOREIGN_DOTS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})

_REASONS: Final = {
    "bidi_rule": "mixes left-to-right and right-to-left text",
    "empty": "is empty",
    "not_idempotent": "has no stable normal form",
}


class AddressError(UsageError):
    """Not an address; the text says which part is wrong and why."""


def normalise_address(text: str) -> str:
    """Return the normal form of ``local@domain``.

    Raises:
        AddressError: It is not such an address.

    """
    local, at, domain = text.partition("@")
    if not at:
        raise AddressError(f"{_shown(text)} is not an address: it has no @")
    return f"{normalise_local(local)}@{normalise_domain(domain)}"


def normalise_local(text: str) -> str:
    """Return the normal form of what stands before the @ (RFC 7622 section 3.3).

    Raises:
        AddressError: Empty, too long, or a character is not allowed.

    """
    return _local_cached(text) if len(text) <= CACHED_LENGTH else _local(text)


def normalise_domain(text: str) -> str:
    """Return the normal form of a domain name or an IP literal (RFC 7622 section 3.2).

    Labels are given as people read them (U-labels), in lower case; an
    IPv6 address stands in brackets, in the form of RFC 5952.

    Raises:
        AddressError: Empty, too long, or not a domain.

    """
    return _domain_cached(text) if len(text) <= CACHED_LENGTH else _domain(text)


def explain(error: UnicodeEncodeError) -> str:
    """Say in words why PRECIS refused a text; continues "the name ..."."""
    reason = error.reason.rpartition("/")[2]
    if reason in _REASONS:
        return _REASONS[reason]
    character = error.object[error.start]
    name = unicodedata.name(character, "no name")
    return f"holds a character that is not allowed here: U+{ord(character):04X} ({name})"


def _local(text: str) -> str:
    if _PLAIN_LOCAL.fullmatch(text):
        return text.lower()
    if len(text) > PART_LIMIT:
        raise AddressError(f"the name before the @ is longer than {PART_LIMIT} octets")
    try:
        local: str = _USERNAME.enforce(text)
    except UnicodeEncodeError as error:
        raise AddressError(f"the name before the @ {explain(error)}") from error
    for character in EXCLUDED:
        # After the enforcement, because it turns a fullwidth @ into an ordinary one.
        if character in local:
            raise AddressError(f"the name before the @ must not hold {character}")
    if len(local.encode()) > PART_LIMIT:
        raise AddressError(f"the name before the @ is longer than {PART_LIMIT} octets")
    return local


def _domain(text: str) -> str:
    if len(text) > PART_LIMIT + 1:
        raise AddressError(f"the domain is longer than {PART_LIMIT} octets")
    if text.startswith("["):
        return _ip_literal(text)
    name = text.translate(_FOREIGN_DOTS).removesuffix(".")
    if not name:
        raise AddressError("the domain is empty")
    labels = [_label(label) for label in name.split(".")]
    domain = ".".join(labels)
    if labels[-1].isascii() and labels[-1].isdigit():
        return _ipv4(domain)
    if len(domain.encode()) > PART_LIMIT:
        raise AddressError(f"the domain is longer than {PART_LIMIT} octets")
    return domain


def _label(text: str) -> str:
    label = text.lower()
    if label.startswith("xn--") and label.isascii():
        return _decoded(label)
    if _PLAIN_LABEL.fullmatch(label):
        if len(label) > LABEL_LIMIT:
            raise AddressError(f"a label of the domain is longer than {LABEL_LIMIT} octets")
        return label
    if not label:
        raise AddressError("the domain has an empty label: two dots in a row, or a dot in front")
    return _unicode_label(text)


def _unicode_label(text: str) -> str:
    # PRECIS took its identifier class from IDNA 2008 (RFC 5892), so the same
    # profile judges a label; what it adds, printable ASCII, is cut off again.
    try:
        label: str = _USERNAME.enforce(text)
    except UnicodeEncodeError as error:
        raise AddressError(f"the domain {explain(error)}") from error
    for character in label:
        if character.isascii() and not (character.isalnum() or character == "-"):
            raise AddressError(f"the domain must not hold {character!r}")
    if label[0] == "-" or label[-1] == "-":
        raise AddressError("a label of the domain begins or ends with a hyphen")
    if label.isascii():  # it was written in fullwidth letters
        return _label(label)
    if label[2:4] == "--" or unicodedata.category(label[0]).startswith("M"):
        raise AddressError("a label of the domain is not a valid international name (RFC 5891)")
    if len(label.encode("punycode")) + len("xn--") > LABEL_LIMIT:
        raise AddressError(f"a label of the domain is longer than {LABEL_LIMIT} octets")
    return label


def _decoded(label: str) -> str:
    """Turn an A-label into the U-label it stands for, which must lead back to it."""
    if len(label) > LABEL_LIMIT:
        raise AddressError(f"a label of the domain is longer than {LABEL_LIMIT} octets")
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
        unicode_label = _unicode_label(text) if text and not text.isascii() else ""
    except ValueError:  # UnicodeError is one; the decoder also knows the bare kind
        unicode_label = ""
    if not unicode_label or unicode_label.encode("punycode").decode("ascii") != label[4:]:
        raise AddressError(f"the domain's label {label} is not a valid international name")
    return unicode_label


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise AddressError("the domain ends in a number but is not an IPv4 address") from None


def _ip_literal(text: str) -> str:
    inner = text[1:-1] if text.endswith("]") and "%" not in text else ""
    try:  # a zone (%) means nothing on another machine
        return f"[{ipaddress.IPv6Address(inner).compressed}]"
    except ValueError:
        raise AddressError("the domain in brackets is not an IPv6 address without a zone") from None


def _shown(text: str) -> str:
    """Quote a text that may be long."""
    return repr(text if len(text) <= CACHED_LENGTH else text[:CACHED_LENGTH] + "...")


_local_cached = lru_cache(CACHE_SIZE)(_local)
_domain_cached = lru_cache(CACHE_SIZE)(_domain)
