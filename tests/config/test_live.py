from pathlib import Path
from typing import Any

import pytest

from clarion.config.live import LIVE, differences, is_live, with_live
from clarion.config.load import from_mapping
from clarion.config.model import Config
from clarion.config.section import Section, bare, is_section


def config(**raw: Any) -> Config:
    return from_mapping(raw, Path("/etc/clarion"), {})


def keys(model: type[Section] = Config, path: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        where = f"{path}.{name}" if path else name
        found.add(where)
        if is_section(field.annotation):
            found |= keys(bare(field.annotation), where)
    return found


def test_every_live_setting_exists():
    assert set(LIVE) <= keys()


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("limits.stanza_bytes", True),
        ("limits", True),
        ("log.level", True),
        ("log.format", False),
        ("directory.roster_size", True),
        ("directory.roster_size_of_cats", False),
        ("domain", False),
    ],
)
def test_which_are_live(key: str, live: bool):
    assert is_live(key) is live


def test_what_differs_is_named_and_never_shown():
    old = config()
    new = config(
        domain="corp.example",
        xmpp={"rooms": "r.corp.example"},
        limits={"stanza_bytes": 100_000},
        log={"level": "debug"},
        store={"queue": 1000},
    )
    assert differences(old, new) == (
        "domain", "xmpp.rooms", "store.queue", "limits.stanza_bytes", "log.level",
    )  # fmt: skip
    assert differences(new, new) == ()


def test_a_section_that_only_one_has_is_named_as_a_whole():
    assert differences(config(), config(web={})) == ("web",)


def test_only_what_is_live_is_taken_over():
    old = config()
    new = config(
        domain="corp.example",
        limits={"stanza_bytes": 100_000},
        log={"level": "debug", "format": "json"},
        ledger={"ask": False},
    )
    merged = with_live(old, new)
    assert merged.domain == "localhost"
    assert merged.log.format == "text"
    assert merged.log.level == "debug"
    assert merged.limits == new.limits
    assert merged.ledger == new.ledger
    # What is left is what a restart brings, and is told again at the next reload.
    assert differences(merged, new) == ("domain", "xmpp.rooms", "log.format")
    assert with_live(old, old) == old
