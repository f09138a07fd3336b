"""Who a connection's client is: keys looked up, passwords checked, failures slowed (RFC 6120 6).

The SASL exchange itself is in ``wire/xmpp/stream.py``; here is what it needs
to know. An answer is held as long as failed log-ins make it wait, whether the
proof is right or wrong, so that the time tells nothing.
"""

import asyncio

from clarion.core.credentials import MAIN
from clarion.core.model import Person
from clarion.core.throttle import Throttle, network_of
from clarion.core.tokens import ExpiredError, Token
from clarion.lib.errors import DeniedError, UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.address import AddressError, normalise_address
from clarion.wire.sasl import SaslCondition
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import (
    KeysWanted,
    PasswordGiven,
    ProofGiven,
    RegistrationWanted,
    TokenGiven,
)
from clarion.xmpp.registering import Guest
from clarion.xmpp.services import Services

log = get_logger("xmpp")


class LogIn:
    """The log-in of one connection.

    Args:
        services: The house.
        throttle: Slows failed log-ins.
        host: Where the client connects from.
        connection: The connection's id in the log.

    Attributes:
        person: Who logged in; ``None`` until then.
        changes: What ``Tokens.changes`` said when the log-in began.
        label: Which password it was: ``MAIN``, or that of an app password.
        over: Set when the stream has ended, perhaps while something was awaited.
        used: The token it logged in with, if it did with one (XEP-0484).

    """

    __slots__ = (
        "_connection",
        "_guest",
        "_host",
        "_network",
        "_services",
        "_throttle",
        "changes",
        "label",
        "over",
        "person",
        "used",
    )

    def __init__(
        self,
        services: Services,
        throttle: Throttle,
        host: str,
        connection: str,
    ) -> None:
        self.person: Person | None = None
        self.changes = 0
        self.label = MAIN
        self.used: Token | None = None
        self._services = services
        self._throttle = throttle
        self._network = network_of(host)
        self._connection = connection
        self._host = host
        self._guest: Guest | None = None
        self.over = False

    def _warn(self, error: UnavailableError) -> None:
        log.warning(
            "log-in is not possible now",
            connection=self._connection,
            peer=self._host,
            why=str(error),
        )

    async def keys(self, engine: ServerStream, event: KeysWanted) -> None:
        """Give the engine what it needs to check a SCRAM proof."""
        address = self._begin(event.username)
        try:
            salt, iterations, keys = await self._services.identity.scram(address, event.hash_name)
        except UnavailableError as error:
            self._warn(error)
            self._refuse(engine, SaslCondition.TEMPORARY_AUTH_FAILURE, str(error))
            return
        if not self.over:
            engine.keys(salt, iterations, keys)

    async def register(self, engine: ServerStream, event: RegistrationWanted) -> None:
        """Make an account, or say why not."""
        if self._guest is None:
            self._guest = Guest(self._services, self._network)
        said = await self._guest.answer(event.request)
        if not self.over:
            engine.registered(said)

    async def proof(self, engine: ServerStream, event: ProofGiven) -> None:
        """Tell the client how its SCRAM exchange ended."""
        address = self._address(event.username)
        if not await self._hold(engine, address):
            return
        person = self._services.directory.person(address)
        good = event.label is not None and person is not None and not person.disabled
        self.label = event.label or MAIN
        self._judge(engine, address, event.authzid, person if good else None)

    async def password(self, engine: ServerStream, event: PasswordGiven) -> None:
        """Check a password that was given as such (PLAIN), and tell the client."""
        address = self._begin(event.username)
        if not await self._hold(engine, address):
            return
        try:
            identity = self._services.identity
            person, self.label = await identity.check_password(address, event.password)
        except DeniedError:
            self._judge(engine, address, event.authzid, None)
        except UnavailableError as error:
            self._throttle.abandoned(address, self._network, self._services.clock.monotonic())
            self._warn(error)
            self._refuse(engine, SaslCondition.TEMPORARY_AUTH_FAILURE, str(error))
        else:
            self._judge(engine, address, event.authzid, person)

    async def token(self, engine: ServerStream, event: TokenGiven) -> None:
        """Check a token, and tell the client (XEP-0484 section 3.4)."""
        address, tokens = self._begin(event.username), self._services.tokens
        if not await self._hold(engine, address):
            return
        try:
            admitted = await tokens.check(
                address, event.client, event.mechanism, event.proof, event.channel, event.use.count
            )
        except ExpiredError as error:  # nobody guessed
            self._throttle.abandoned(address, self._network, self._services.clock.monotonic())
            self._refuse(engine, SaslCondition.CREDENTIALS_EXPIRED, str(error))
        except DeniedError:
            self._judge(engine, address, "", None)
        except UnavailableError as error:
            self._throttle.abandoned(address, self._network, self._services.clock.monotonic())
            self._warn(error)
            self._refuse(engine, SaslCondition.TEMPORARY_AUTH_FAILURE, str(error))
        else:
            self.used, self.label = admitted.token, admitted.token.label
            self._judge(engine, address, "", admitted.person, admitted.answer)

    def _begin(self, username: str) -> str:
        """Return the address that is claimed, when a log-in begins."""
        address = self._address(username)
        self.changes, self.used = self._services.tokens.changes(address), None
        return address

    async def _hold(self, engine: ServerStream, address: str) -> bool:
        """Wait as long as failed log-ins make this one wait; ``False``: it was refused."""
        clock = self._services.clock
        try:
            seconds = self._throttle.wait(address, self._network, clock.monotonic())
        except UnavailableError as error:
            self._refuse(engine, SaslCondition.TEMPORARY_AUTH_FAILURE, str(error))
            return False
        if seconds > 0:
            over = asyncio.Event()
            clock.call_later(seconds, over.set)
            await over.wait()
        return True

    def _judge(
        self,
        engine: ServerStream,
        address: str,
        authzid: str,
        person: Person | None,
        answer: bytes = b"",
    ) -> None:
        now = self._services.clock.monotonic()
        if person is None:
            self._throttle.failed(address, self._network, now, self._connection)
            self._refuse(
                engine, SaslCondition.NOT_AUTHORIZED, "the address or the password is wrong"
            )
            return
        self._throttle.succeeded(address, self._network, now)
        if authzid and self._address(authzid) != person.address:
            self._refuse(engine, SaslCondition.INVALID_AUTHZID, "nobody may act for somebody else")
            return
        if self.over:
            return
        self.person = person
        engine.admit(person.address.partition("@")[0], answer)

    def _refuse(self, engine: ServerStream, condition: SaslCondition, text: str) -> None:
        """Refuse a log-in, unless the client went away while it waited."""
        if not self.over:
            engine.reject(condition, text)

    def _address(self, username: str) -> str:
        """Return the normalised address; of what is none, something nobody has."""
        domain = self._services.domain
        local = username.removesuffix(f"@{domain}")
        try:
            return normalise_address(f"{local}@{domain}")
        except AddressError:
            return f"\0{username}"
