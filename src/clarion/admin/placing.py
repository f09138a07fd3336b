"""Finds the department that an operator names, or makes it.

A department is named by its address or by its name. One that does not exist
is made at the top of the tree; a name's address is made of its letters:
``"Sales & Support"`` becomes ``sales-support@corp.example``.
"""

import re
import unicodedata
from typing import Final

from clarion.core.directory import Directory
from clarion.core.model import Department
from clarion.lib.errors import UsageError

_GAPS: Final = re.compile(r"[\s\"&'/:<>@,;()]+")
YES: Final = frozenset({"yes", "y", "true", "1", "x"})
NO: Final = frozenset({"no", "n", "false", "0", ""})


def found(directory: Directory, text: str) -> Department | None:
    """Return the department with this address or, in whatever case, this name.

    Raises:
        UsageError: It cannot be a department's address, or several have this name.

    """
    if "@" in text:
        return directory.department(directory.own_address(text))
    sought = _folded(text)
    hits = [one for one in directory.departments() if _folded(one.name) == sought]
    if len(hits) > 1:
        addresses = ", ".join(one.address for one in hits)
        raise UsageError(f"department {text!r}: write which: {addresses}")
    return hits[0] if hits else None


def address_for(directory: Directory, text: str) -> str:
    """Return the address of the department that would be made for ``text``.

    Raises:
        UsageError: No address can be made of it, or it is taken.

    """
    if "@" in text:
        address = directory.own_address(text)
    else:
        local = _GAPS.sub("-", _plain(text)).strip("-.")
        if not local:
            raise UsageError(f"department {text!r}: write its address instead")
        address = directory.own_address(f"{local}@{directory.domain}")
    directory.check_free(address)
    return address


def name_for(text: str) -> str:
    """Return the name of the department that would be made for ``text``."""
    return "" if "@" in text else text


def check_place(directory: Directory, text: str, person: str) -> None:
    """Make sure that the person with the address ``person`` could join what ``text`` names.

    Raises:
        UsageError: It can neither be found nor made.

    """
    if found(directory, text) is None and address_for(directory, text) == person:
        raise UsageError(f"{person}: a person and a department cannot share an address")


async def found_or_made(directory: Directory, text: str) -> Department:
    """Return the department that ``text`` names.

    Raises:
        UsageError: It can neither be found nor made.
        UnavailableError: The store cannot keep it.

    """
    department = found(directory, text)
    if department is None:
        department = await directory.add_department(
            address_for(directory, text), name=name_for(text)
        )
    return department


def yes_or_no(text: str) -> bool | None:
    """Read a yes or no as people write it in tables; ``None``: it is neither."""
    word = text.strip().casefold()
    if word in YES:
        return True
    return False if word in NO else None


def _plain(text: str) -> str:
    """Take the accents off Latin letters; leave other scripts alone."""
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(one for one in apart if not unicodedata.combining(one))
    return bare if bare.isascii() else unicodedata.normalize("NFKC", text)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
