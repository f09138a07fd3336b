"""Settings of files that people share."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator

from clarion.config.section import Section, setting
from clarion.config.values import as_rows

_PATTERN: Final = re.compile(r"(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)")


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    patterns = tuple(one.lower() for one in value)
    for one in patterns:
        if not _PATTERN.fullmatch(one):
            raise ValueError('each must be a media type such as "image/png" or "image/*"')
    return patterns


class FilesConfig(Section):
    """Uploads: pictures, voice messages, documents."""

    file_bytes: int = setting(
        104_857_600, "The largest file.", unit="bytes", ge=1024, le=1_099_511_627_776
    )
    person_bytes: int = setting(
        10_737_418_240,
        "What one person may have stored.",
        unit="bytes",
        ge=1024,
        le=1_125_899_906_842_624,
    )
    keep_days: int = setting(
        0, "Files older than this are removed; 0: never.", unit="days", ge=0, le=36_500
    )
    types: Annotated[tuple[str, ...], BeforeValidator(as_rows), AfterValidator(_patterns)] = (
        setting((), 'Media types that are taken, e.g. ["image/*", "application/pdf"]; empty: all.')
    )
    access: Literal["address", "login"] = setting(
        "address",
        "Who may download a file: whoever knows its unguessable address, or only people who log "
        "in with their password as well (clients that show pictures by themselves then cannot).",
    )
