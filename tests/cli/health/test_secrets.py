import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarion.cli.health import secrets
from clarion.config.model import Config
from fakes.findings import config, told


@pytest.fixture
def installed() -> Iterator[Config]:
    """An installation in a folder that others may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "certs").mkdir()
        (folder / "data").mkdir(mode=0o755)
        for file in ("certs/server.key", "data/clarion.db", "data/clarion.db-wal", "clarion.toml"):
            (folder / file).touch(0o600)
        yield config(folder)


def looked(installed: Config) -> list[str]:
    return told(secrets.look(installed, installed.data.parent / "clarion.toml"))


def test_what_is_kept_from_others(installed: Config):
    assert looked(installed) == ["good: nobody else can read what is secret"]


def test_what_others_can_read(installed: Config):
    installed.tls.key.chmod(0o644)
    installed.database.chmod(0o640)
    lines = looked(installed)
    assert lines[0].startswith("bad: everybody on this machine can open the key, ")
    assert lines[1].startswith("doubtful: a group can open the database, ")
    installed.tls.key.chmod(0o640)  # a group for keys is common
    installed.data.chmod(0o700)  # and here nobody comes near
    assert looked(installed) == ["good: nobody else can read what is secret"]


def test_the_configuration_counts_where_it_holds_secrets(installed: Config):
    folder = installed.data.parent
    (folder / "clarion.toml").chmod(0o644)
    assert looked(installed)[0].startswith("good: ")
    told = config(folder, twilio={"tokens": ["abc"]})
    assert looked(told)[0].startswith("bad: everybody on this machine can open the configuration")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_files_of_another_user(installed: Config):
    os.chown(installed.database, 12345, -1)
    assert any("belongs to user 12345" in line for line in looked(installed))
