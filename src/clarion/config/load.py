"""Reads the TOML file: one frozen ``Config``, or every error at once."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from clarion.config import messages, unbuilt
from clarion.config.model import Config
from clarion.config.values import Surroundings, reason
from clarion.lib.errors import UsageError

FILE_LIMIT: Final = 1024 * 1024
"""Bytes of a configuration file: a wrong path must not fill the memory."""
_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


class ConfigError(UsageError):
    """The file cannot be used.

    Attributes:
        errors: Every error, a line each: ``key.path: what is wrong``.

    """

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration from ``path``.

    Args:
        path: The TOML file; relative paths in it start at its folder.
        environment: Variables that ``"env:NAME"`` may name.

    Raises:
        ConfigError: The file is missing, no TOML, or holds errors; all of
            them are in it.

    """
    path = path.absolute()
    return from_mapping(_read(path), path.parent, environment)


def from_mapping(
    raw: Mapping[str, Any], folder: Path, environment: Mapping[str, str] = os.environ
) -> Config:
    """Make a configuration of what a TOML file held.

    Args:
        raw: Tables, lists and values, as ``tomllib`` returns them.
        folder: Where relative paths start.
        environment: Variables that ``"env:NAME"`` may name.

    Raises:
        ConfigError: Something is wrong; every error is in it.

    """
    errors: list[str] = []
    config: Config | None = None
    try:
        config = Config.model_validate(raw, context=Surroundings(folder, environment))
    except ValidationError as error:
        errors.extend(messages.line(detail, Config) for detail in error.errors())
    errors.extend(unbuilt.refusals(raw, Config))
    errors.extend(unbuilt.twice(raw, Config))
    if config is None or errors:
        # "from None": the original error's notes could show what the operator wrote.
        raise ConfigError(tuple(dict.fromkeys(errors))) from None
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(
            (f"{path}: no such file; `clarion init DIR --domain DOMAIN` writes one",)
        ) from None
    except OSError as error:
        raise ConfigError((f"{path}: {reason(error)}",)) from None
    if len(data) > FILE_LIMIT:
        raise ConfigError((f"{path}: larger than {FILE_LIMIT} bytes, so hardly a configuration",))
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{path}: line {row}: is not UTF-8 text",)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError((f"{path}: {_syntax(str(error))}",)) from None


def _syntax(text: str) -> str:
    """Return ``line 3, column 5: invalid value``."""
    found = _AT.search(text)
    if not found:
        return f"is no TOML: {text[:1].lower()}{text[1:]}"
    what = text[: found.start()]
    place = f"line {found[1]}, column {found[2]}" if found[1] else "at its end"
    return f"{place}: {what[:1].lower()}{what[1:]}"
