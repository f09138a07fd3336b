"""Crowds at the door: 10,000 half-open connections, slow ones, guessers. Others are served."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clarion.core.throttle import PERSON_PARALLEL
from house.premises import PASSWORDS, Premises, address
from house.raw_client import RefusedError

CROWD = Path(__file__).with_name("crowd.py")
HALF_OPEN = 10_000
SPARE = 200  # files that a process needs for itself
LOGIN_TIME = 15  # seconds; all must be connected before the first is hung up on
SECONDS = 8  # of guessing
EACH = 16 * 1024  # bytes of the server's memory for a connection that says nothing; generous


class Tales:
    """What a crowd's process tells, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the crowd's process ended early"
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def crowd(mode: str, port: int, number: int, seconds: float) -> Iterator[Tales]:
    words = [sys.executable, str(CROWD), mode, str(port), str(number), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Tales(process)
        finally:
            process.kill()


def half_open() -> int:
    """As many as the hard limit of open files allows, on this side and on the server's."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return HALF_OPEN if hard == resource.RLIM_INFINITY else min(HALF_OPEN, hard - SPARE)


def chat(house: Premises, name: str) -> None:
    """Ann and Bob log in and talk."""
    with house.client("ann", managed=True) as ann, house.client("bob", managed=True) as bob:
        bob.ping()
        ann.write(address("bob"), name, name)
        bob.message(name)
        bob.write(address("ann"), name, name)
        ann.message(name)


@pytest.mark.timeout(150)
def test_ten_thousand_half_open_connections(
    empty: Premises, record_property: Callable[[str, object], None]
):
    house, number = empty, half_open()
    house.furnish(limits=f"login_time = {LOGIN_TIME}", level="info")
    house.start()
    house.add_people("ann", "bob")
    chat(house, "before")
    before = house.memory_bytes()
    with crowd("silent", house.ports["plain"], number, 60) as tales:
        assert tales.next() == {"connected": number, "lost_already": 0}
        chat(house, "meanwhile")
        grown = house.memory_bytes() - before
        end = tales.next()
    assert end == {"left_open": 0, "outcomes": {"connection-timeout": number}}
    assert grown < number * EACH
    chat(house, "after")
    assert house.stop() == 0
    record_property(
        "told",
        f"{number:,} half-open connections: {grown / number / 1024:.1f} KiB each; "
        "two people logged in and talked meanwhile; all hung up on",
    )


def test_log_ins_a_byte_at_a_time(empty: Premises):
    house, number = empty, 200
    house.furnish(limits="login_time = 3", level="info")
    house.start()
    house.add_people("ann", "bob")
    with crowd("slow", house.ports["plain"], number, 30) as tales:
        assert tales.next()["connected"] == number
        chat(house, "meanwhile")
        end = tales.next()
    assert end["left_open"] == 0
    # Whoever writes at the very moment of the end may find the connection reset.
    assert set(end["outcomes"]) <= {"connection-timeout", "closed"}
    assert sum(end["outcomes"].values()) == number
    assert house.stop() == 0


def test_guessing_from_many_addresses(
    empty: Premises, record_property: Callable[[str, object], None]
):
    house, number, free = empty, 300, 10
    house.furnish(limits=f"login_failures_person = {free}\nlogin_time = 30", level="info")
    house.start()
    house.add_people("ann", "bob")
    chat(house, "before")  # so the network that Ann uses is known
    with crowd("guess", house.ports["plain"], number, SECONDS) as tales:
        assert tales.next()["connected"] == number
        # Ann, from where she logged in before, is not held back, and nobody else is.
        chat(house, "meanwhile")
        with house.client("bob", mechanism="PLAIN"):
            pass
        with house.connect("plain") as wrong:
            with pytest.raises(RefusedError):
                wrong.log_in("bob", "wrong" + PASSWORDS["bob"], "PLAIN")
        told = tales.next()
        end = tales.next()
    assert "let in" not in end["outcomes"]
    assert told["guesses"] >= number  # everybody was answered, if only with a refusal
    assert free <= told["judged"] <= free + PERSON_PARALLEL + SECONDS
    assert house.stop() == 0
    record_property(
        "told",
        f"guessing at one name from {number} addresses: {told['guesses']} attempts in "
        f"{SECONDS} s, {told['judged']} passwords looked at; the person logged in meanwhile",
    )
