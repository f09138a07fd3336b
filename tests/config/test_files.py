"""``[files]``: what is taken, and that there is a way to bring it."""

from pathlib import Path
from typing import Any

import pytest

from clarion.config.load import ConfigError, from_mapping

FOLDER = Path("/etc/clarion")


def lines(**raw: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        from_mapping(raw, FOLDER, {})
    return caught.value.errors


def test_types_are_patterns_in_small_letters():
    config = from_mapping({"web": {}, "files": {"types": ["Image/*", "text/plain"]}}, FOLDER, {})
    assert config.files is not None
    assert config.files.types == ("image/*", "text/plain")
    assert config.files.access == "address"


@pytest.mark.parametrize("pattern", ["", "image", "image/*/x", "a b/c", "*.png"])
def test_what_is_no_media_type(pattern: str):
    (line,) = lines(web={}, files={"types": ["image/png", pattern]})
    assert line.startswith("files.types: each must be a media type")


def test_files_need_the_web_door():
    assert lines(files={}) == (
        "files: files are brought by HTTP; there must be a section [web] too",
    )
    assert from_mapping({}, FOLDER, {}).files is None


def test_a_web_section_that_is_wrong_is_said_once():
    assert len(lines(web={"public": 1}, files={})) == 1
