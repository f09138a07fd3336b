"""Passwords that anybody would try first; of the rest only keys are known, not the length."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.store.opening import connect_reader
from clarion.wire.sasl.keys import ITERATIONS_MINIMUM, verify_password

PART: Final = "passwords"
TIME_LIMIT: Final = 2.0
"""LIMIT: seconds of trying; each try costs a log-in's CPU."""
GUESSES: Final = ("password", "123456", "12345678", "qwerty", "secret", "clarion")
"""Tried besides the local part of the address."""
NAMED: Final = 5
"""LIMIT: people named in one finding."""

_KEYS: Final = (
    "SELECT party.address, scram_key.hash_name, salt, iterations, stored_key FROM scram_key"
    " JOIN party ON party.number = scram_key.person"
    " JOIN person ON person.number = scram_key.person"
    " WHERE label = '' AND person.disabled = 0"
    " GROUP BY person.number ORDER BY person.admin DESC, party.address"
)


@dataclass(frozen=True, slots=True)
class _Stored:
    hash_name: str
    salt: bytes
    iterations: int
    stored_key: bytes


def look(path: Path) -> Iterator[Finding]:
    """Try what anybody would try, administrators first, for at most ``TIME_LIMIT``."""
    if not path.exists() or not path.stat().st_size:
        return
    try:
        with closing(connect_reader(path)) as connection:
            rows = connection.execute(_KEYS).fetchall()
    except sqlite3.Error:
        return  # the database has an error of its own
    guessed, tried = _guessed(rows)
    if guessed:
        more = f" and {len(guessed) - NAMED} more" if len(guessed) > NAMED else ""
        yield bad(
            PART,
            f"anybody guesses those of {', '.join(guessed[:NAMED])}{more}",
            "`clarion person set ADDRESS --password-stdin`",
        )
    few = sum(row[3] < ITERATIONS_MINIMUM for row in rows)
    if few:
        yield doubtful(PART, f"{few} are kept with fewer than 4096 rounds", "have them set anew")
    if rows and not guessed:
        yield good(
            PART,
            f"none of the first {tried} of {len(rows)} is one that everybody tries; "
            "how long they are is not known",
        )


def _guessed(rows: list[tuple[str, str, bytes, int, bytes]]) -> tuple[list[str], int]:
    began = perf_counter()
    guessed: list[str] = []
    tried = 0
    for address, hash_name, salt, iterations, stored_key in rows:
        if perf_counter() - began > TIME_LIMIT:
            break
        tried += 1
        stored = _Stored(hash_name, salt, iterations, stored_key)
        local = address.partition("@")[0]
        if any(verify_password(guess, stored) for guess in (local, *GUESSES)):
            guessed.append(address)
    return guessed, tried
