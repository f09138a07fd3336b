"""The doctor's findings as short lines, for tests."""

from pathlib import Path
from typing import Any

from clarion.cli.health.finding import Finding
from clarion.config.load import from_mapping
from clarion.config.model import Config

NOW = 1_750_000_000.0


def config(folder: Path, **raw: Any) -> Config:
    return from_mapping({"domain": "corp.example", **raw}, folder, {})


def told(findings: Any) -> list[str]:
    listed: list[Finding] = list(findings)
    assert all(one.advice or one.verdict == "good" for one in listed), "what to do is missing"
    return [f"{one.verdict}: {one.text}" for one in listed]
