"""A JID: ``local@domain/resource``, prepared once and compared as text (RFC 7622)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from precis_i18n import get_profile

from clarion.lib.errors import PeerError
from clarion.wire.address import (
    PART_LIMIT,
    AddressError,
    explain,
    normalise_domain,
    normalise_local,
)

JID_LIMIT: Final = 3 * PART_LIMIT + 2
"""Characters of a whole JID before preparation: three parts, one @, one slash."""
CACHE_SIZE: Final = 65536
"""JIDs remembered; the longest takes less than 2 KiB with all its forms."""
CACHED_LENGTH: Final = 160
"""Characters of the longest JID that is remembered; longer ones are rare and
prepared each time, so that a stranger cannot fill the memory with them."""

_OPAQUE: Final = get_profile("OpaqueString")
_PLAIN_RESOURCE: Final = re.compile(r"[ -~]{1,1023}")


class JidError(PeerError):
    """Not a JID; ``<jid-malformed/>`` on the wire. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Jid:
    """A prepared JID; equal to another exactly when ``full`` is equal.

    Made by ``parse_jid`` and ``make_jid``; the constructor trusts its arguments.

    Attributes:
        local: What stands before the @; ``""`` for a server or component.
        domain: Never empty.
        resource: What stands behind the slash; ``""`` for a bare JID.
        bare: ``local@domain`` or ``domain``.
        full: ``bare/resource``, or ``bare`` where there is no resource.

    """

    local: str = field(compare=False)
    domain: str = field(compare=False)
    resource: str = field(default="", compare=False)
    bare: str = field(init=False, repr=False, compare=False)
    full: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bare = f"{self.local}@{self.domain}" if self.local else self.domain
        object.__setattr__(self, "bare", bare)
        object.__setattr__(self, "full", f"{bare}/{self.resource}" if self.resource else bare)

    def __str__(self) -> str:
        return self.full


def parse_jid(text: str) -> Jid:
    """Read a JID; about 0.15 us when it was read before.

    Raises:
        JidError: It is not one; nothing is remembered of it.

    """
    return _parse_cached(text) if len(text) <= CACHED_LENGTH else _parse(text)


def make_jid(local: str, domain: str, resource: str = "") -> Jid:
    """Prepare the parts of a JID; an empty ``local`` or ``resource`` means there is none.

    Raises:
        JidError: A part is not allowed.

    """
    try:
        return Jid(
            normalise_local(local) if local else "",
            normalise_domain(domain),
            prepare_resource(resource) if resource else "",
        )
    except AddressError as error:
        raise JidError(f"not a JID: {error}") from error


def prepare_resource(text: str) -> str:
    """Return the normal form of a resource (RFC 7622 section 3.4: OpaqueString).

    Raises:
        JidError: Empty, longer than 1023 octets, or a character is not allowed.

    """
    if _PLAIN_RESOURCE.fullmatch(text):
        return text
    if len(text) > PART_LIMIT:
        raise JidError(f"not a JID: the resource is longer than {PART_LIMIT} octets")
    try:
        resource: str = _OPAQUE.enforce(text)
    except UnicodeEncodeError as error:
        raise JidError(f"not a JID: the resource {explain(error)}") from error
    if len(resource.encode()) > PART_LIMIT:
        raise JidError(f"not a JID: the resource is longer than {PART_LIMIT} octets")
    return resource


def _parse(text: str) -> Jid:
    if len(text) > JID_LIMIT:
        raise JidError(f"not a JID: longer than {JID_LIMIT} characters")
    # Section 3.1: the first slash ends the address, and only then is an @ looked for.
    address, slash, resource = text.partition("/")
    local, at, domain = address.partition("@")
    if not at:
        local, domain = "", address
    elif not local:
        raise JidError("not a JID: there is an @ and nothing before it")
    if slash and not resource:
        raise JidError("not a JID: there is a slash and nothing behind it")
    return make_jid(local, domain, resource)


_parse_cached = lru_cache(CACHE_SIZE)(_parse)
