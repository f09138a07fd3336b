"""Accounts made before log-in (XEP-0077 section 3.1), by invitation too (XEP-0445)."""

from clarion.core.events import AdministrationDone
from clarion.core.invitations import Invitation, InvitationError
from clarion.core.model import Person
from clarion.core.registration import Registrar
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.lib.log import get_logger
from clarion.wire.address import AddressError
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, error_reply
from clarion.wire.xmpp.invitations import PREAUTH, parse_preauth
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.registration import not_now, parse_wish, write_fields
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.services import Services

log = get_logger("xmpp")


class Guest:
    """Somebody without a session who asks about an account, as long as the connection lasts.

    Args:
        services: The house; registration is open, or invitations are taken.
        network: Where they are, as ``network_of`` returns it.

    """

    __slots__ = ("_invitation", "_network", "_services")

    def __init__(self, services: Services, network: str) -> None:
        self._services = services
        self._network = network
        self._invitation: Invitation | None = None

    async def answer(self, request: Stanza) -> bytes:
        """Do what is asked, and return the whole answer.

        Args:
            request: An iq of type get or set.

        """
        domain = self._services.domain
        try:
            payload = await self._done(request)
        except ClarionError as error:
            return error_reply(request, stanza_error(error), domain)
        start = f"<iq type='result' id='{escape(request.attributes['id'])}' from='{escape(domain)}'"
        return start.encode() + (b">" + payload + b"</iq>" if payload else b"/>")

    async def _done(self, request: Stanza) -> bytes:
        if request.children == (PREAUTH,):
            self._admit(parse_preauth(parse(request.raw, CLIENT)[0]))
            return b""
        registrar = self._registrar()
        if request.attributes["type"] == "set":
            await self._make(registrar, request)
            return b""
        if self._invitation is None or not self._invitation.address:
            return write_fields("Choose a user name and a password.")
        local = self._invitation.address.partition("@")[0]
        return write_fields("Choose a password.", local, registered=False)

    # -- by invitation ---------------------------------------------------------------

    def _admit(self, token: str) -> None:
        """Look at a token; from here on it no longer matters when it expires (section 4)."""
        invitations, registrar = self._services.invitations, self._services.registrar
        if invitations is None or registrar is None:
            raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "nobody is invited here")
        try:
            self._invitation = invitations.check(token)
        except InvitationError as error:
            self._count(registrar)
            raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, str(error)) from error

    def _registrar(self) -> Registrar:
        """Return who makes the account, if one may be made."""
        registrar = self._services.registrar
        if registrar is None or (self._invitation is None and not registrar.accounts):
            raise StanzaError(  # XEP-0077 section 3.1
                StanzaCondition.SERVICE_UNAVAILABLE,
                "accounts are made by an administrator here, or with an invitation",
            )
        return registrar

    # -- the account -------------------------------------------------------------------

    async def _make(self, registrar: Registrar, request: Stanza) -> None:
        wish = parse_wish(parse(request.raw, CLIENT)[0])
        if wish.remove:
            raise StanzaError(StanzaCondition.UNEXPECTED_REQUEST, "log in to end your account")
        if not (wish.username and wish.password):
            raise StanzaError(
                StanzaCondition.NOT_ACCEPTABLE, "a user name and a password are needed"
            )
        address = address_of(self._services, wish.username)
        invitation = self._invitation
        if invitation is None:
            self._count(registrar)
            self._check_free(address)
            await registrar.register(address, wish.password)
        else:
            await self._make_invited(registrar, invitation, address, wish.password)
        self._services.bus.publish(AdministrationDone(address, "person.register", address))
        log.info(
            "account made by its owner",
            person=address,
            network=self._network,
            invitation=None if invitation is None else invitation.id,
        )

    async def _make_invited(
        self, registrar: Registrar, invitation: Invitation, address: str, password: str
    ) -> None:
        if invitation.address and address != invitation.address:
            raise StanzaError(
                StanzaCondition.NOT_ALLOWED, f"this invitation is for {invitation.address}"
            )
        if not invitation.address:
            try:
                self._check_free(address)
            except StanzaError:
                self._count(registrar)  # it tells which names are taken
                raise
        invitations = self._services.invitations
        assert invitations is not None, "somebody was admitted"
        try:
            await invitations.claim(invitation)
        except InvitationError as error:
            self._invitation = None
            raise StanzaError(StanzaCondition.NOT_ALLOWED, str(error)) from error
        try:
            person = await registrar.register(address, password, invitation.name)
        except BaseException:
            await invitations.give_back(invitation)
            raise
        self._invitation = None
        try:
            await self._place(invitation, person)
        except ClarionError as error:  # the account is there anyway
            log.warning("an invitation is not wholly kept", person=address, why=str(error))

    async def _place(self, invitation: Invitation, person: Person) -> None:
        """Let the new person belong where they were invited to, and know who invited them."""
        services = self._services
        if invitation.befriend and services.invitations is not None:
            inviter = services.invitations.inviter_of(invitation)
            if inviter is not None and services.befriend is not None:
                await services.befriend(inviter, person)
        if invitation.department:
            await services.directory.join(person.address, invitation.department)

    def _check_free(self, address: str) -> None:
        try:
            self._services.directory.check_free(address)
        except UsageError:
            raise StanzaError(StanzaCondition.CONFLICT, "this user name is taken") from None

    def _count(self, registrar: Registrar) -> None:
        try:
            registrar.count(self._network)
        except UnavailableError as error:
            raise not_now(str(error)) from error


def address_of(services: Services, username: str) -> str:
    """Return the address with this local part.

    Raises:
        StanzaError: It can be none.

    """
    local = username.removesuffix(f"@{services.domain}")
    try:
        return services.directory.own_address(f"{local}@{services.domain}")
    except AddressError as error:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, str(error)) from error
