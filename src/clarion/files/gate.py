"""Log-in for downloads where the policy asks for it: HTTP Basic (RFC 7617), slowed like all others.

The password is that of the account or one of its app passwords.
"""

import asyncio
import base64
import binascii

from aiohttp import hdrs, web

from clarion.core.identity import Identity
from clarion.core.model import Person
from clarion.core.throttle import Throttle, network_of
from clarion.lib.clock import Clock
from clarion.lib.errors import DeniedError, UnavailableError
from clarion.wire.address import AddressError, normalise_address

CREDENTIALS_LIMIT = 4096
"""LIMIT: characters of what a client says of itself."""
CHALLENGE = {hdrs.WWW_AUTHENTICATE: 'Basic realm="Clarion", charset="UTF-8"'}


class Gate:
    """Lets people in who know their password.

    Args:
        identity: Checks passwords.
        throttle: Slows failed log-ins; the one that chat has, so that nobody guesses twice.
        clock: Time.
        domain: Of people who give only the local part of their address.

    """

    def __init__(self, identity: Identity, throttle: Throttle, clock: Clock, domain: str) -> None:
        self._identity = identity
        self._throttle = throttle
        self._clock = clock
        self._domain = domain

    async def enter(self, request: web.Request) -> Person:
        """Return who asks.

        Raises:
            HTTPUnauthorized: They did not say, or are not who they say.
            HTTPTooManyRequests: Too many log-ins have failed.
            UnavailableError: The store cannot answer.

        """
        said = credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        if said is None:
            raise web.HTTPUnauthorized(text="log in to see this file", headers=CHALLENGE)
        name, password = said
        address = self._address(name)
        network = network_of(request.remote or "")
        await self._hold(address, network)
        try:
            person = await self._identity.check_plain(address, password)
        except DeniedError as error:
            self._throttle.failed(address, network, self._clock.monotonic())
            raise web.HTTPUnauthorized(text=str(error), headers=CHALLENGE) from None
        except BaseException:
            self._throttle.abandoned(address, network, self._clock.monotonic())
            raise
        self._throttle.succeeded(address, network, self._clock.monotonic())
        return person

    async def _hold(self, address: str, network: str) -> None:
        try:
            seconds = self._throttle.wait(address, network, self._clock.monotonic())
        except UnavailableError as error:
            raise web.HTTPTooManyRequests(text=str(error), headers={"Retry-After": "60"}) from None
        if seconds > 0:
            over = asyncio.Event()
            alarm = self._clock.call_later(seconds, over.set)
            try:
                await over.wait()
            except asyncio.CancelledError:
                alarm.cancel()
                self._throttle.abandoned(address, network, self._clock.monotonic())
                raise

    def _address(self, name: str) -> str:
        """Return the normalised address; of what is none, something nobody has."""
        try:
            return normalise_address(name if "@" in name else f"{name}@{self._domain}")
        except AddressError:
            return f"\0{name}"


def credentials(header: str) -> tuple[str, str] | None:
    """Return name and password of ``Authorization: Basic``; ``None``: there are none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic" or len(token) > CREDENTIALS_LIMIT:
        return None
    try:
        name, colon, password = (
            base64.b64decode(token.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None
