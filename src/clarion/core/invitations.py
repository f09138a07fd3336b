"""Invitations: who has the token may make one account, even where nobody else may.

The token itself is told once and kept nowhere; what is kept is its digest. An
invitation counts as used only while and after its account is made (XEP-0445).
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted
from clarion.core.model import Department, Person, PersonNumber
from clarion.core.profile import checked_name
from clarion.lib.clock import Clock
from clarion.lib.errors import UsageError

TOKEN_BYTES: Final = 15
"""Of randomness in a token: 120 bits, 24 letters and digits (XEP-0379 asks for 80 bits)."""
INVITATIONS_LIMIT: Final = 10_000
"""LIMIT: invitations that wait to be used, all together."""
DAYS: Final = 7
"""For how many days an invitation holds unless it is said."""
DAYS_LIMIT: Final = 90
"""LIMIT: for how many it may hold."""
KEPT_DAYS: Final = 30
"""For how many more days it is known that a token has expired, or was used."""
DAY: Final = 86_400.0
_ID_LETTERS: Final = 8


class InvitationError(UsageError):
    """A token opens nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation.

    Attributes:
        digest: Of its token.
        inviter: Who made it; ``None``: the command line.
        address: Kept for the invited until it expires; ``""``: they choose.
        name: Theirs; ``""``: not known.
        department: Address of the one they will belong to; ``""``: none.
        made: UNIX seconds.
        expires: UNIX seconds.
        used: UNIX seconds, or 0.
        befriend: Whether the invited and the inviter become contacts.

    """

    digest: bytes
    inviter: PersonNumber | None
    address: str
    name: str
    department: str
    made: float
    expires: float
    used: float = 0.0
    befriend: bool = False

    @property
    def id(self) -> str:
        """What operators call it; opens nothing."""
        return self.digest.hex()[:_ID_LETTERS]


class InvitationStore(Protocol):
    """Keeps invitations; raises ``UnavailableError`` like every port."""

    async def load(self) -> Sequence[Invitation]:
        """Return all of them, the oldest first."""
        ...

    async def put(self, invitation: Invitation) -> None:
        """Add one, or replace what was known of it."""
        ...

    async def remove(self, digests: Sequence[bytes]) -> None:
        """Remove these; harmless where they are not there."""
        ...


class Invitations:
    """All invitations, in memory and in the store.

    Args:
        store: Keeps them.
        directory: Where accounts are made; it keeps their addresses free.
        clock: UNIX seconds.
        random_bytes: Makes that many unguessable bytes.

    """

    def __init__(
        self,
        store: InvitationStore,
        directory: Directory,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._random_bytes = random_bytes
        self._known: dict[bytes, Invitation] = {}
        self._held: dict[str, Invitation] = {}
        directory.hold(self.holds)

    async def load(self) -> None:
        """Read everything from the store, once, before anybody connects.

        Raises:
            UnavailableError: The store cannot answer.

        """
        for invitation in await self._store.load():
            self._remember(invitation)

    def holds(self, address: str) -> bool:
        """Say whether an address is kept for somebody who is invited."""
        held = self._held.get(address)
        return held is not None and held.expires > self._clock.wall()

    def waiting(self) -> Sequence[Invitation]:
        """Return those that can still be used, the oldest first."""
        now = self._clock.wall()
        found = (one for one in self._known.values() if not one.used and one.expires > now)
        return sorted(found, key=lambda one: (one.made, one.digest))

    async def invite(
        self,
        inviter: PersonNumber | None,
        *,
        address: str = "",
        name: str = "",
        department: Department | None = None,
        days: int = DAYS,
        befriend: bool = False,
    ) -> tuple[str, Invitation]:
        """Make an invitation; returns its token, which cannot be found out again, and itself.

        Args:
            inviter: Who makes it; ``None``: the command line.
            address: The only one that it is for, kept free until it expires;
                ``""``: the invited choose.
            name: As others will see it; ``""``: none yet.
            department: The one that the invited will belong to.
            days: 1 to ``DAYS_LIMIT``.
            befriend: Whether the invited and the inviter become contacts.

        Raises:
            UsageError: It cannot be so, or there are too many.
            UnavailableError: The store cannot keep it.

        """
        if not 1 <= days <= DAYS_LIMIT:
            raise UsageError(f"days: must be 1 to {DAYS_LIMIT}")
        name = checked_name(name)
        if address:
            address = self._directory.own_address(address)
            self._directory.check_free(address)
        await self._clear()
        if len(self.waiting()) >= INVITATIONS_LIMIT:
            raise UsageError(f"there are {INVITATIONS_LIMIT} invitations; withdraw some")
        token = base64.b32encode(self._random_bytes(TOKEN_BYTES)).decode().lower()
        now = self._clock.wall()
        made = Invitation(
            _digest(token),
            inviter,
            address,
            name,
            "" if department is None else department.address,
            now,
            now + days * DAY,
            befriend=befriend,
        )
        self._remember(made)  # at once, or the address might be given away meanwhile
        try:
            await self._store.put(made)
        except BaseException:
            self._forget(made)
            raise
        return token, made

    def check(self, token: str) -> Invitation:
        """Return the invitation that a token is for.

        Raises:
            InvitationError: There is none, it was used, or it has expired.

        """
        invitation = self._known.get(_digest(token))
        if invitation is None:
            raise InvitationError("there is no such invitation; ask for a new one")
        if invitation.used:
            raise InvitationError("this invitation has been used already; ask for a new one")
        if invitation.expires <= self._clock.wall():
            raise InvitationError("this invitation has expired; ask for a new one")
        return invitation

    async def claim(self, invitation: Invitation) -> None:
        """Use an invitation, before its account is made; it may have expired since ``check``.

        Raises:
            InvitationError: Somebody else uses it, or it was withdrawn.
            UnavailableError: The store cannot keep that; it is not used.

        """
        now = self._known.get(invitation.digest)
        if now is None or now.used:
            raise InvitationError("this invitation has been used already; ask for a new one")
        used = replace(now, used=self._clock.wall())
        self._forget(now)
        self._remember(used)
        try:
            await self._store.put(used)
        except BaseException:
            self._remember(now)
            raise

    async def give_back(self, invitation: Invitation) -> None:
        """Undo ``claim``: the account could not be made.

        Raises:
            UnavailableError: The store cannot keep that; it holds until the server stops.

        """
        self._remember(replace(invitation, used=0.0))
        await self._store.put(replace(invitation, used=0.0))

    async def withdraw(self, invitation_id: str) -> Invitation:
        """End one that waits.

        Raises:
            UsageError: There is none, or several.
            UnavailableError: The store cannot do it; it still holds.

        """
        found = [one for one in self.waiting() if invitation_id and one.id == invitation_id]
        if len(found) != 1:
            raise UsageError(f"{invitation_id}: there is no such invitation")
        await self._store.remove([found[0].digest])
        self._forget(found[0])
        return found[0]

    def person_deleted(self, event: PersonDeleted) -> None:
        """Forget what somebody made who is no more; the store has forgotten it already."""
        for invitation in list(self._known.values()):
            if invitation.inviter == event.person.number:
                self._forget(invitation)

    def department_of(self, invitation: Invitation) -> Department | None:
        """Return the department of an invitation; ``None``: none, or it is no more."""
        return self._directory.department(invitation.department)

    def inviter_of(self, invitation: Invitation) -> Person | None:
        """Return who made an invitation; ``None``: the command line."""
        return None if invitation.inviter is None else self._directory.by_number(invitation.inviter)

    async def _clear(self) -> None:
        """Forget those that were of use long ago."""
        before = self._clock.wall() - KEPT_DAYS * DAY
        old = [one for one in self._known.values() if one.expires <= before]
        await self._store.remove([one.digest for one in old])
        for one in old:
            self._forget(one)

    def _remember(self, invitation: Invitation) -> None:
        self._known[invitation.digest] = invitation
        if invitation.address and not invitation.used:
            self._held[invitation.address] = invitation

    def _forget(self, invitation: Invitation) -> None:
        self._known.pop(invitation.digest, None)
        held = self._held.get(invitation.address)
        if held is not None and held.digest == invitation.digest:
            del self._held[invitation.address]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.strip().lower().encode()).digest()


def named_department(directory: Directory, text: str) -> Department | None:
    """Return the department with this address or name; ``None`` for an empty text.

    Raises:
        UsageError: There is none, or there are several of this name.

    """
    if not text.strip():
        return None
    if "@" in text:
        return directory.require_department(text)
    sought = " ".join(text.split()).casefold()
    found = [one for one in directory.departments() if one.name.casefold() == sought]
    if len(found) != 1:
        many = f"there are {len(found)}; write the address" if found else "there is none"
        raise UsageError(f"department {text!r}: {many}")
    return found[0]
