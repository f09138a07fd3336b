"""Accounts that people make, change and end themselves, where the operator lets them (XEP-0077)."""

from collections import OrderedDict, deque
from typing import Final

from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.model import Person
from clarion.lib.clock import Clock
from clarion.lib.errors import UnavailableError
from clarion.wire.sasl.keys import prepare_password

ATTEMPTS: Final = 5
"""LIMIT: attempts to make an account from one network within ``ATTEMPTS_TIME``, failed ones too:
they tell which names are taken."""
ATTEMPTS_TIME: Final = 3600.0
"""Seconds over which they are counted."""
NETWORKS_LIMIT: Final = 20_000
"""LIMIT: networks whose attempts are counted; the longest quiet go first."""


class Registrar:
    """Makes accounts, and counts who asks for them.

    Args:
        directory: Gets the person.
        identity: Gets the password.
        clock: Monotonic seconds.
        accounts: Whether accounts may be made and ended; else only passwords change.

    Attributes:
        accounts: See above.

    """

    def __init__(
        self, directory: Directory, identity: Identity, clock: Clock, *, accounts: bool
    ) -> None:
        self.accounts = accounts
        self._directory = directory
        self._identity = identity
        self._clock = clock
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    async def register(self, address: str, password: str, name: str = "") -> Person:
        """Make an account; ``count`` comes first.

        Args:
            address: Of this organisation.
            password: As typed.
            name: As shown to others; ``""``: the local part of the address.

        Raises:
            UsageError: The address is taken or none, or the password cannot be one.
            UnavailableError: The store cannot keep it.

        """
        prepare_password(password)  # before there is somebody who cannot have it
        person = await self._directory.add_person(address, name=name)
        await self._identity.set_password(person, password)
        return person

    def count(self, network: str) -> None:
        """Count an attempt to make an account.

        Args:
            network: Who asks, as ``network_of`` returns it.

        Raises:
            UnavailableError: This network asked too often.

        """
        now = self._clock.monotonic()
        attempts = self._attempts.setdefault(network, deque())
        self._attempts.move_to_end(network)
        if len(self._attempts) > NETWORKS_LIMIT:
            self._attempts.popitem(last=False)
        while attempts and now - attempts[0] >= ATTEMPTS_TIME:
            attempts.popleft()
        if len(attempts) >= ATTEMPTS:
            raise UnavailableError("too many accounts were asked for from your network; wait")
        attempts.append(now)
