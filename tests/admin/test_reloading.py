"""A reload takes what it can, names what it cannot, and with an error takes nothing."""

import time
from pathlib import Path
from typing import Any

import pytest

from clarion.admin.reloading import Reload, Reloaded
from clarion.admin.verbs import perform
from clarion.config.load import load
from clarion.config.model import Config
from clarion.core.bus import Bus
from clarion.core.events import PoliciesChanged
from clarion.lib import certificates
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.clock import SystemClock
from clarion.lib.errors import UnavailableError, UsageError
from fakes.organisation import DOMAIN, Organisation


class House:
    """A configuration on disk, and the events of its reloads."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clarion.toml"
        self.write("")
        files = certificates.create(folder / "certs", DOMAIN, not_before=time.time() - 60)
        self.key = files.server_key
        self.holder = CertificateHolder(
            files.server, files.server_key, minimum="1.2", now=time.time()
        )
        self.bus = Bus()
        self.told: list[PoliciesChanged] = []
        self.levels: list[str] = []
        self.bus.subscribe(PoliciesChanged, self.told.append)
        self.reload = Reload(
            load(self.file), self.file, self.holder, self.bus, SystemClock(), self._level
        )

    def write(self, text: str) -> None:
        self.file.write_text(f'domain = "{DOMAIN}"\n{text}')

    def _level(self, config: Config) -> None:
        self.levels.append(config.log.level)


@pytest.fixture
def place(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_is_live_is_in_force_and_told_once(place: House):
    place.write('[limits]\nstanza_bytes = 100000\n[log]\nlevel = "debug"\n')
    assert place.reload() == Reloaded(
        certificate=True, changed=("limits.stanza_bytes", "log.level")
    )
    assert place.reload.config.limits.stanza_bytes == 100_000
    assert place.levels == ["debug"]
    (event,) = place.told
    assert event.config is place.reload.config
    assert event.keys == ("limits.stanza_bytes", "log.level")
    assert place.reload() == Reloaded(certificate=True)
    assert len(place.told) == 1


def test_what_needs_a_restart_is_named_again_and_again(place: House):
    place.write('[xmpp]\nrooms = "r.corp.example"\n')
    for _ in range(2):
        assert place.reload() == Reloaded(certificate=True, restart=("xmpp.rooms",))
    assert place.reload.config.xmpp.rooms == f"rooms.{DOMAIN}"
    assert place.told == []


def test_an_error_in_the_file_leaves_everything_as_it_was(place: House):
    place.write("[limits]\nstanza_bytes = 100000\nping_time = 0\nstanza_byte = 1\n")
    before = place.reload.config
    done = place.reload()
    assert len(done.errors) == 2
    assert place.reload.config is before
    assert place.told == []


def test_a_certificate_that_cannot_be_used_leaves_everything_as_it_was(place: House):
    place.write("[limits]\nstanza_bytes = 100000\n")
    place.key.write_text("no key")
    done = place.reload()
    assert "holds no private key" in done.errors[0]
    assert place.told == []


def test_without_a_file_only_the_certificate_is_read_again(place: House):
    reload = Reload(place.reload.config, None, place.holder, place.bus, SystemClock())
    assert reload() == Reloaded(certificate=True)


def test_without_tls_there_is_no_certificate(place: House):
    reload = Reload(place.reload.config, place.file, None, place.bus, SystemClock())
    assert reload() == Reloaded()


async def ask(house: Organisation, reload: Any) -> Any:
    desk = type(house.desk)(
        house.directory, house.identity, house.ledger, house.seal, reload=reload
    )
    return await perform(desk, "reload", {}, lambda *_: None)


async def test_the_verb_tells_what_came_of_it(house: Organisation):
    done = Reloaded(certificate=True, changed=("log.level",), restart=("domain",))
    assert await ask(house, lambda: done) == {
        "certificate": True,
        "changed": ("log.level",),
        "restart": ("domain",),
    }


async def test_the_verb_refuses_with_every_error(house: Organisation):
    with pytest.raises(UsageError, match="one\ntwo"):
        await ask(house, lambda: Reloaded(errors=("one", "two")))


async def test_without_a_server_there_is_nothing_to_reload(house: Organisation):
    with pytest.raises(UnavailableError, match="no server runs"):
        await ask(house, None)
