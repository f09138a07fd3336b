"""Slows failed log-ins, per person and per network address. No I/O, no clock.

A door asks ``wait`` before it checks a password, holds its answer for that
long, and says how it went: ``failed``, ``succeeded`` or ``abandoned``. An
attempt is counted when it begins, so many at once gain nothing.

* A name and a network may fail a number of times each; then each attempt is
  answered later than the one before: 1, 2, 4 ... seconds, at most
  ``PAUSE_LIMIT``. Attempts queue behind each other; one that would wait longer
  than ``HOLD_LIMIT`` is refused unseen.
* A network from which this person logged in before has a count of its own for
  this person, so nobody can lock Ann out by guessing at her name elsewhere.
  (That memory is lost when the server restarts.)
* A success forgives nothing but that count: else an attacker with an account
  of his own would log in between two guesses.
* Failures are forgiven one by one over time, and no more than
  ``FAILURES_KEPT`` above the free ones are remembered.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clarion.lib.errors import UnavailableError
from clarion.lib.log import RateLimited, get_logger

PAUSE_FIRST: Final = 1.0
"""Seconds between the answers to the first two attempts that are slowed."""
PAUSE_LIMIT: Final = 30.0
"""LIMIT: seconds between two answers; clients give up on a log-in after about 60."""
HOLD_LIMIT: Final = 30.0
"""LIMIT: seconds that an answer is held; each held answer is an open connection."""
FAILURES_KEPT: Final = 10
"""LIMIT: failures above the free ones that are remembered, so that forgiving them takes no days."""
FORGET_AFTER: Final = 900.0
"""Seconds without news after which an attempt is no longer taken to be under way."""
TRAIL_LIMIT: Final = 20_000
"""LIMIT: names and networks whose attempts are counted; the longest quiet go first."""
KNOWN_LIMIT: Final = 20_000
"""LIMIT: pairs of a person and a network that have logged in; the oldest go first."""
PERSON_PARALLEL: Final = 10
"""Attempts under way at one name that count for nothing; see ``Allowance``."""
NETWORK_PARALLEL: Final = 500
"""Attempts under way from one network that count for nothing; see ``Allowance``."""

log = get_logger("throttle")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is answered at once.

    Attributes:
        free: Failures before the first pause.
        parallel: Attempts under way at the same time that count for nothing
            while fewer than ``free`` have failed: the clients of a person, or
            of an office behind one address, come back together after a restart.
        forgive_after: Seconds after which one failure is forgiven; so this is
            also what a patient guesser needs for each guess.

    """

    free: int
    parallel: int
    forgive_after: float


@dataclass(slots=True)
class _Trail:
    """The attempts at one name, or of one network.

    Attributes:
        last: When something last happened, monotonic seconds.
        faded: Up to when failures were forgiven, monotonic seconds.
        failures: Those not forgiven yet.
        pending: Attempts under way.
        open_at: When the next attempt may be answered, monotonic seconds.

    """

    last: float
    faded: float
    failures: int = 0
    pending: int = 0
    open_at: float = 0.0

    def touch(self, now: float, allowance: Allowance) -> None:
        """Let time pass up to ``now``."""
        forgiven = int((now - self.faded) / allowance.forgive_after)
        self.faded += forgiven * allowance.forgive_after
        self.failures = max(0, self.failures - forgiven)
        if now - self.last >= FORGET_AFTER:
            self.pending = 0
        self.last = now

    def weight(self, allowance: Allowance) -> int:
        """Count failures, and attempts under way as if they will fail."""
        if self.failures >= allowance.free:
            return self.failures + self.pending
        return self.failures + max(0, self.pending - allowance.parallel)


def pause(weight: int, allowance: Allowance) -> float:
    """Return the seconds that must lie between this attempt's answer and the next."""
    over = weight - allowance.free
    if over < 0:
        return 0.0
    # The exponent is bounded only so that the number stays small.
    return min(PAUSE_LIMIT, PAUSE_FIRST * 2.0 ** min(over, 32))


def network_of(host: str) -> str:
    """Return the network that ``host`` stands for: an IPv4 address, or an IPv6 /64.

    A household or a server gets a whole /64 (RFC 6177 section 2), so counting
    single IPv6 addresses would count nothing. Whatever is no address stands
    for itself.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _key(*parts: str) -> bytes:
    # A digest, so that an attacker's long names cost no memory.
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).digest()


class Throttle:
    """Keeps the counts. ``now`` is monotonic seconds throughout.

    Args:
        person_failures: Failures at one name before attempts at it must wait.
        network_failures: The same for one network.
        forgive_time: Seconds over which that many failures are forgiven.
        log_lines: LIMIT: failures logged in one second; the next line that is
            logged says how many were not.
        slowed: Told, by name and network, of each failure after which the
            next attempt must wait, and of each attempt refused unseen.

    Attributes:
        good: Attempts that ended with a log-in, since the server began.
        bad: Attempts that ended with a wrong password or an unknown name.
        refused: Attempts refused unseen, because too many waited.

    """

    def __init__(
        self,
        person_failures: int = 10,
        network_failures: int = 50,
        forgive_time: float = 600.0,
        log_lines: int = 5,
        slowed: Callable[[str, str], None] = lambda person, network: None,
    ) -> None:
        self._slowed = slowed
        self.allow(person_failures, network_failures, forgive_time)
        self._log = RateLimited(log, log_lines)
        self.good = self.bad = self.refused = 0
        self._trails: OrderedDict[bytes, _Trail] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def allow(self, person_failures: int, network_failures: int, forgive_time: float) -> None:
        """Change what is answered at once, see ``Args``; what was counted stays counted."""
        self._person = Allowance(person_failures, PERSON_PARALLEL, forgive_time / person_failures)
        self._network = Allowance(
            network_failures, NETWORK_PARALLEL, forgive_time / network_failures
        )

    def wait(self, person: str, network: str, now: float) -> float:
        """Begin an attempt and say for how long to hold its answer.

        Args:
            person: The address that is claimed; it need not exist.
            network: As ``network_of`` returns it.
            now: Monotonic seconds.

        Returns:
            Seconds, 0 to ``HOLD_LIMIT``. The password is to be checked after
            them, and the outcome told.

        Raises:
            UnavailableError: Too many attempts wait already. This one did not
                begin; it must be refused without a look at the password.

        """
        trails = self._trails_of(person, network, now)
        at = max(now, *(trail.open_at for trail, _ in trails))
        if at - now > HOLD_LIMIT:
            self.refused += 1
            self._slowed(person, network)
            raise UnavailableError("too many failed log-ins; try again in a minute")
        for trail, allowance in trails:
            trail.pending += 1
            # Each queue for itself: a slow network must not slow the name elsewhere.
            begins = max(now, trail.open_at)
            trail.open_at = begins + pause(trail.weight(allowance), allowance)
        return at - now

    def failed(self, person: str, network: str, now: float, connection: str = "") -> None:
        """Say that an attempt ended with a wrong password or an unknown name.

        ``connection`` is its id in the log.
        """
        self.bad += 1
        trails = self._trails_of(person, network, now, settle=True)
        for trail, allowance in trails:
            trail.pending = max(0, trail.pending - 1)
            trail.failures = min(trail.failures + 1, allowance.free + FAILURES_KEPT)
            trail.open_at = max(trail.open_at, now + pause(trail.weight(allowance), allowance))
        if any(trail.failures >= allowance.free for trail, allowance in trails):
            self._slowed(person, network)
        self._log.warning(
            "login",
            "log-in failed",
            now=now,
            person=person,
            network=network,
            connection=connection,
            failures=trails[0][0].failures,
        )

    def succeeded(self, person: str, network: str, now: float) -> None:
        """Say that an attempt ended with a log-in."""
        self.good += 1
        pair = _key("pair", person, network)
        known = pair in self._known
        self.abandoned(person, network, now)
        if known:
            self._trails.pop(pair, None)
        self._known[pair] = None
        self._known.move_to_end(pair)
        while len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)

    def abandoned(self, person: str, network: str, now: float) -> None:
        """Say that an attempt ended before a password was checked."""
        for trail, allowance in self._trails_of(person, network, now, settle=True):
            trail.pending = max(0, trail.pending - 1)
            if not trail.pending and trail.failures < allowance.free:
                trail.open_at = now

    def _trails_of(
        self, person: str, network: str, now: float, *, settle: bool = False
    ) -> tuple[tuple[_Trail, Allowance], ...]:
        """Return what an attempt counts on; ``settle``: one that began earlier."""
        pair = _key("pair", person, network)
        if pair in self._known:
            self._known.move_to_end(pair)
            trail = self._trail(pair, now, self._person)
            # An attempt that began before the pair was known counts where it began.
            if not settle or trail.pending:
                return ((trail, self._person),)
        return (
            (self._trail(_key("person", person), now, self._person), self._person),
            (self._trail(_key("network", network), now, self._network), self._network),
        )

    def _trail(self, key: bytes, now: float, allowance: Allowance) -> _Trail:
        trail = self._trails.get(key)
        if trail is None:
            trail = self._trails[key] = _Trail(last=now, faded=now)
            while len(self._trails) > TRAIL_LIMIT:
                self._trails.popitem(last=False)
        else:
            self._trails.move_to_end(key)
            trail.touch(now, allowance)
        return trail
