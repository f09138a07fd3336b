"""Tokens: a client that has logged in once comes back without a password (XEP-0484).

A token belongs to one installation of a client and to one mechanism. It dies
when its time is over, when the client uses a newer one, and with the password
that it was got with. A client has two at most: the one in use, and one that it
was given and has not used yet, so that nobody is locked out whose connection
breaks before the new one has arrived.

What is kept is a hash, which for the HT mechanisms is as good as the token
itself (``wire/sasl/ht.py``): a token is worth a log-in, not a password.
"""

import secrets
from asyncio import Future
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import PasswordChanged, PersonDeleted, PersonDisabled
from clarion.core.model import Person, PersonNumber
from clarion.lib.clock import Clock
from clarion.lib.errors import DeniedError
from clarion.lib.log import get_logger
from clarion.wire.sasl.ht import hashed_token, prove

ROTATE_AFTER: Final = 86_400.0
"""Seconds after which a token that is used is replaced."""
CLIENTS_LIMIT: Final = 20
"""LIMIT: clients of a person that have tokens; of one more the longest quiet goes."""
TOKEN_BYTES: Final = 51
"""Random bytes of a token: 68 characters, more than HMAC takes as they are."""
CACHED: Final = 10_000
"""LIMIT: persons whose tokens are in memory, so that their log-in costs no SQL."""

IN_USE: Final = 0
UNUSED: Final = 1

log = get_logger("tokens")


class ExpiredError(DeniedError):
    """The token was good once."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its text.

    Attributes:
        person: Whose.
        client: The id of the client's installation.
        slot: ``IN_USE``, or ``UNUSED``: given, and not used yet.
        mechanism: The one that it is good for.
        hashed: Of ``wire.sasl.ht.hashed_token``.
        label: Of the password that it was got with (``core/credentials.py``).
        issued: UNIX seconds.
        expires: UNIX seconds.
        count: The highest that its client has counted; -1: it has not.
        software: What the client calls itself, or ``""``.
        device: Where it says that it runs, or ``""``.

    """

    person: PersonNumber
    client: str
    slot: int
    mechanism: str
    hashed: bytes = field(repr=False)
    label: str
    issued: float
    expires: float
    count: int = -1
    software: str = ""
    device: str = ""


class TokenStore(Protocol):
    """What this asks of a store; raises ``UnavailableError`` like every port.

    A changed password takes its tokens along in the same transaction
    (``CredentialStore.replace``), a disabled person theirs (``PeopleStore``).
    """

    async def tokens(self, person: PersonNumber) -> Sequence[Token]:
        """Return a person's tokens."""
        ...

    def put(self, token: Token, clients: int) -> Future[Any]:
        """Put a token in its slot; of more than ``clients`` clients the longest quiet go."""
        ...

    def use(self, token: Token) -> Future[Any]:
        """Put a token that was unused in use, in the place of the one that was."""
        ...

    def drop(self, token: Token) -> Future[Any]:
        """Drop a token."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody has proved a token.

    Attributes:
        person: Who.
        token: Which.
        answer: What proves us to the client.

    """

    person: Person
    token: Token
    answer: bytes = field(repr=False)


class Tokens:
    """Gives and checks tokens.

    Args:
        store: Keeps them.
        directory: Knows who exists and who is disabled.
        bus: Hears of passwords that change, and of people who go.
        clock: Tells the time.
        lifetime: Seconds that a token is good for; 0: there are none.

    """

    def __init__(
        self, store: TokenStore, directory: Directory, bus: Bus, clock: Clock, lifetime: float
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._lifetime = lifetime
        self._known: OrderedDict[PersonNumber, list[Token]] = OrderedDict()
        self._changes: dict[PersonNumber, int] = {}  # how often each was forgotten
        bus.subscribe(PasswordChanged, lambda event: self._forget(event.person))
        bus.subscribe(PersonDisabled, lambda event: self._forget(event.person))
        bus.subscribe(PersonDeleted, lambda event: self._forget(event.person))

    @property
    def given(self) -> bool:
        """Whether there are tokens at all."""
        return self._lifetime > 0

    def changes(self, address: str) -> int:
        """Return what is another number when a password has changed meanwhile; see ``issue``."""
        person = self._directory.person(address)
        return 0 if person is None else self._changes.get(person.number, 0)

    async def of(self, person: Person) -> Sequence[Token]:
        """Return a person's tokens that are good now, the newest first.

        Raises:
            UnavailableError: The store cannot answer.

        """
        now = self._clock.wall()
        good = [token for token in await self._of(person) if token.expires > now]
        return sorted(good, key=lambda token: token.issued, reverse=True)

    async def check(
        self,
        address: str,
        client: str,
        mechanism: str,
        proof: bytes,
        channel: bytes,
        count: int | None,
    ) -> Admitted:
        """Return whose token was proved; a new one is in use from now on (section 3.5).

        Args:
            address: Normalised.
            client: The id of the client's installation.
            mechanism: The one it used.
            proof: What it said.
            channel: Data of the mechanism's channel binding.
            count: What it counts; must be higher than before (section 3.4).

        Raises:
            ExpiredError: The token was good once.
            DeniedError: It is none, or not of this client and mechanism, or
                was counted already, or the person is disabled.
            UnavailableError: The store cannot answer.

        """
        person = self._directory.person(address)
        known = [] if person is None or person.disabled else await self._of(person)
        found, answer = None, b""
        for token in sorted(known, key=lambda one: -one.slot):
            if token.client == client and token.mechanism == mechanism:
                proved = prove(token.hashed, channel, proof)
                if proved is not None and found is None:
                    found, answer = token, proved
        now = self._directory.person(address)  # as of now, not of before the store was asked
        if found is None or now is None or now.disabled or found.person != now.number:
            raise DeniedError("the token is wrong")
        if found.expires <= self._clock.wall():
            raise ExpiredError("the token has expired")
        if count is not None and count <= found.count:
            raise DeniedError("the token was used with this count already")
        return Admitted(now, self._used(found, count), answer)

    def due(self, token: Token) -> bool:
        """Whether a token that was used is old enough to be replaced."""
        age = self._clock.wall() - token.issued
        return age >= min(ROTATE_AFTER, self._lifetime / 2)

    def issue(self, token: Token, changes: int) -> tuple[str, float] | None:
        """Give a client a token, to be used from its next log-in on.

        It is good at once, and on the disk before long: who loses it in a
        crash logs in with a password.

        Args:
            token: Whose, which client, for which mechanism, got with which
                password; the rest is made up here.
            changes: As ``changes`` said before the password or token was checked: none is
                given that would outlive a password which changed meanwhile.

        Returns:
            The token's text and until when it is good, UNIX seconds.

        """
        if not self.given or changes != self._changes.get(token.person, 0):
            return None
        text = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.wall()
        made = replace(
            token,
            slot=UNUSED,
            hashed=hashed_token(text),
            issued=now,
            expires=now + self._lifetime,
            count=-1,
        )
        self._remember(made, frozenset({UNUSED}), self._store.put(made, CLIENTS_LIMIT))
        return text, made.expires

    def invalidate(self, token: Token) -> None:
        """Let a token be good for nothing (section 3.6)."""
        known = self._known.get(token.person)
        if known is not None:
            known[:] = [one for one in known if one.hashed != token.hashed]
        self._watch(token.person, self._store.drop(token))

    def _used(self, token: Token, count: int | None) -> Token:
        """Note that a token was used: older ones go, and its count is remembered."""
        used = replace(token, slot=IN_USE, count=token.count if count is None else count)
        if token.slot == UNUSED:
            self._remember(used, frozenset({IN_USE, UNUSED}), self._store.use(used))
        elif used != token:
            self._remember(used, frozenset({IN_USE}), self._store.put(used, CLIENTS_LIMIT))
        return used

    def _remember(self, token: Token, slots: frozenset[int], kept: Future[Any]) -> None:
        """Put a token in memory, in the place of those in these slots of its client."""
        known = self._known.get(token.person)
        if known is not None:
            known[:] = [one for one in known if one.client != token.client or one.slot not in slots]
            known.append(token)
            self._bound(known)
        self._watch(token.person, kept)

    def _bound(self, known: list[Token]) -> None:
        newest = {one.client: one.issued for one in sorted(known, key=lambda one: one.issued)}
        while len(newest) > CLIENTS_LIMIT:
            quiet = min(newest, key=lambda client: newest[client])
            del newest[quiet]
            known[:] = [one for one in known if one.client != quiet]

    def _watch(self, person: PersonNumber, kept: Future[Any]) -> None:
        kept.add_done_callback(partial(self._kept, person))

    def _kept(self, person: PersonNumber, done: Future[Any]) -> None:
        if not done.cancelled() and done.exception() is not None:
            log.warning("a token could not be kept", why=str(done.exception()))
            self._known.pop(person, None)  # as the store has it

    async def _of(self, person: Person) -> list[Token]:
        known = self._known.get(person.number)
        if known is not None:
            self._known.move_to_end(person.number)
            return known
        before = self._changes.get(person.number)
        tokens = list(await self._store.tokens(person.number))
        if before == self._changes.get(person.number):  # else these may be dead
            tokens = self._known.setdefault(person.number, tokens)
            while len(self._known) > CACHED:
                self._known.popitem(last=False)
        return tokens

    def _forget(self, person: Person) -> None:
        self._changes[person.number] = self._changes.get(person.number, 0) + 1
        self._known.pop(person.number, None)
