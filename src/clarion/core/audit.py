"""The audit log's entries: a chain in which each holds the hash of the one before.

An entry's hash is SHA-256 over the hash before it, its number and its
canonical form, so nothing can be changed, taken out or put elsewhere unless
everything behind it is made anew. Against that, and against a tail that is
cut off, stand the heads (number and hash of the newest entry) that the server
writes to its log.
"""

import hashlib
import json
import re
from asyncio import Future
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

SERVER: Final = "server"
"""The actor of what the server does by itself."""
RESTORE: Final = "restore"
"""The verb of an entry that says that a backup took the database's place."""
REPLACED: Final = "replaced"
"""In the details of such an entry: the head of the log that it replaced."""
HEAD: Final = "audit head"
"""The event in the server's log that exports a head."""
TEXT_LIMIT: Final = 1_024
"""LIMIT: characters of an actor, verb or target."""
FAULTS_LIMIT: Final = 100
"""LIMIT: faults that are told one by one."""

_HEAD: Final = re.compile(r"\b([0-9]{1,18}):([0-9a-f]{64})\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did.

    Attributes:
        at: UNIX seconds, UTC, to the millisecond.
        actor: ``cli:UID``, an administrator's address, or ``SERVER``.
        verb: E.g. ``"person.add"``.
        target: What or whom it was done to; an address, mostly.
        details: A JSON object; never a secret, nor what is personal about anybody.

    """

    at: float
    actor: str
    verb: str
    target: str
    details: str

    @property
    def canonical(self) -> str:
        """What is hashed: a JSON list without needless spaces."""
        return canonical(self.at, self.actor, self.verb, self.target, self.details)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry at some moment.

    Attributes:
        number: Its number; 0 when there was none.
        hash: Its hash, 64 hexadecimal digits; ``""`` when there was none.
        source: Where this was written down, for people.

    """

    number: int
    hash: str
    source: str = ""

    def __str__(self) -> str:
        """Return ``NUMBER:HASH``."""
        return f"{self.number}:{self.hash}"


class AuditStore(Protocol):
    """What the audit log asks of a store."""

    def append(self, entry: Entry) -> Future[Any]:
        """Keep an entry behind all others; the future resolves after the commit.

        Raises:
            UnavailableError: From the future; it was not kept.

        """
        ...

    async def head(self) -> Head:
        """Return the head as it is in the store."""
        ...


def entry(at: float, actor: str, verb: str, target: str, details: Mapping[str, Any]) -> Entry:
    """Make an entry; texts that are too long are cut."""
    return Entry(
        round(at, 3),
        _text(actor),
        _text(verb),
        _text(target),
        json.dumps(details, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
    )


def _text(text: str) -> str:
    return text[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode()


def canonical(*fields: object) -> str:
    """Return what is hashed of an entry: time, actor, verb, target, details."""
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))


def chain_hash(text: str) -> str:
    """Return SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(previous: str, number: int, form: str) -> str:
    """Return the hash of an entry.

    Args:
        previous: The hash of the entry before it; ``""`` for the first.
        number: Its number, from 1.
        form: Its canonical form.

    """
    return chain_hash(f"{previous} {number} {form}")


def parse_head(text: str, source: str = "") -> Head | None:
    """Read ``NUMBER:HASH``; ``None``: it is none."""
    found = _HEAD.fullmatch(text.strip())
    return None if found is None else Head(int(found[1]), found[2], source)


def heads_in(lines: Iterable[str], name: str) -> Iterator[Head]:
    """Find the heads that a server's log holds, in whatever format it is.

    Args:
        lines: Of the log.
        name: The log's, to say where a head was found.

    """
    for number, line in enumerate(lines, start=1):
        if HEAD in line:
            found = _HEAD.search(line)
            if found is not None:
                yield Head(int(found[1]), found[2], f"{name}, line {number}")


@dataclass(slots=True)
class Verdict:
    """What came of walking a chain.

    Attributes:
        entries: How many there are.
        head: The newest.
        heads: How many written-down heads were compared.
        replaced: How many of them are of a log that a restored backup replaced.
        faults: What is wrong, a line each; the first ``FAULTS_LIMIT``.
        more_faults: How many more there are.

    """

    entries: int = 0
    head: Head = Head(0, "")
    heads: int = 0
    replaced: int = 0
    faults: list[str] = field(default_factory=list)
    more_faults: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def say(self, fault: str) -> None:
        """Add a fault."""
        if len(self.faults) < FAULTS_LIMIT:
            self.faults.append(fault)
        else:
            self.more_faults += 1


def verify(rows: Iterable[Sequence[object]], heads: Iterable[Head] = ()) -> Verdict:
    """Walk a chain and compare it with heads that were written down elsewhere.

    Args:
        rows: Number, time, actor, verb, target, details and hash of each
            entry, as the store has them, by number.
        heads: What is known of the chain from outside.

    """
    verdict, known = Verdict(), _by_number(heads)
    verdict.heads = sum(len(found) for found in known.values())
    replacements: list[tuple[int, int]] = []
    differing: list[Head] = []
    fitting: set[str] | None = {""}  # what the next entry may be linked to; None: whatever
    last = 0
    for row in rows:
        number, hash_ = row[0], row[6]
        if not isinstance(number, int) or number <= last:
            verdict.say(f"there is an entry with the number {number!r}")
            continue
        verdict.entries += 1
        if number > last + 1:
            verdict.say(_missing(last + 1, number - 1))
            fitting = None
        fitting = _check(row, number, fitting, verdict)
        last = number
        verdict.head = Head(number, str(hash_))
        differing += [head for head in known.pop(number, ()) if head.hash != hash_]
        if row[3] == RESTORE and (before := _replaced(row[5])) is not None:
            replacements.append((number, before))
    _compare(verdict, differing, [one for found in known.values() for one in found], replacements)
    return verdict


def _by_number(heads: Iterable[Head]) -> dict[int, list[Head]]:
    known: dict[int, dict[str, Head]] = {}
    for head in heads:
        if head.number:
            known.setdefault(head.number, {}).setdefault(head.hash, head)
    return {number: list(found.values()) for number, found in known.items()}


def _check(
    row: Sequence[object], number: int, fitting: set[str] | None, verdict: Verdict
) -> set[str]:
    """Check one entry; return what the next one may be linked to."""
    at, actor, verb, target, details, hash_ = row[1:7]
    texts = (actor, verb, target, details, hash_)
    if type(at) is not float or not all(type(text) is str for text in texts):
        verdict.say(f"entry {number} was changed: it is not of the form of an entry")
        return {str(hash_)}
    form = canonical(at, actor, verb, target, details)
    if fitting is None:
        return {str(hash_)}
    computed = {link(previous, number, form) for previous in fitting}
    if hash_ in computed:
        return {str(hash_)}
    verdict.say(f"entry {number} was changed: its hash does not fit")
    # Where the hash itself was changed, the next entry still fits what it was.
    return {str(hash_), *computed}


def _replaced(details: object) -> int | None:
    try:
        head = parse_head(str(json.loads(str(details))[REPLACED]))
    except (ValueError, KeyError, TypeError):
        return None
    return None if head is None else head.number


def _compare(
    verdict: Verdict,
    differing: Sequence[Head],
    beyond: Sequence[Head],
    replacements: Sequence[tuple[int, int]],
) -> None:
    """Judge the heads that are not in the chain, unless a restored backup explains them."""

    def is_replaced(head: Head) -> bool:
        return any(since <= head.number <= up_to for since, up_to in replacements)

    verdict.replaced = sum(is_replaced(head) for head in (*differing, *beyond))
    for head in differing:
        if not is_replaced(head):
            where = f" ({head.source})" if head.source else ""
            verdict.say(
                f"entry {head.number} is not the one that was written down as the head{where}: "
                "the log was made anew from there or from before"
            )
    end = verdict.head.number
    missing = [head for head in beyond if head.number > end and not is_replaced(head)]
    if missing:
        newest = max(missing, key=lambda head: head.number)
        count = newest.number - end
        where = f" ({newest.source})" if newest.source else ""
        verdict.say(
            f"{count} {'entry is' if count == 1 else 'entries are'} missing at the end: the log "
            f"ends with {end}, and {newest.number} was written down{where}"
        )


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"entry {first} is missing"
    return f"entries {first} to {last} are missing"
