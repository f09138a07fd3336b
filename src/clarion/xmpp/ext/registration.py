"""In-band registration: one's own password, and the end of one's account (XEP-0077 2.4).

Off unless ``[xmpp] registration`` says otherwise. How an account is made,
before log-in, is in ``xmpp/registering.py``.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.events import AdministrationDone
from clarion.core.registration import Registrar
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.names import REGISTER
from clarion.wire.xmpp.registration import TAG, Wish, parse_wish, write_fields
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At, Card, Extension
from clarion.xmpp.registering import address_of

ONLY_MAIN: Final = "you logged in with an app password, which cannot change the account"

HERE: tuple[At, ...] = ("server", "account")

registration = Extension(
    Card(
        name="registration",
        spec="XEP-0077",
        title="In-Band Registration",
        version="2.4",
        status="partial",
        missing="the old error codes of XEP-0086 (section 8), which is obsolete; off by default",
        features=(REGISTER,),
        test="tests/xmpp/test_registration.py",
    )
)


@registration.on_iq("get", TAG, at=HERE)
def fields(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell who is logged in that there is an account (section 3.1).

    Raises:
        StanzaError: Nothing can be done about accounts in-band.

    """
    _registrar(context)
    local = context.account.partition("@")[0]
    return write_fields("You have an account. Give a new password to change yours.", local)


@registration.on_iq("set", TAG, at=HERE)
async def change(context: Context, stanza: Stanza, query: Element) -> None:
    """Change the password (section 3.3), or end the account (section 3.2).

    The stream ends with ``<not-authorized/>`` behind the answer to the latter.

    Raises:
        StanzaError: It is another's account, or may not be done, or not with an app password.
        UsageError: That cannot be a password.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    registrar = _registrar(context)
    if context.session.label:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, ONLY_MAIN)
    wish = parse_wish(query)
    services, account = context.services, context.account
    if wish.remove:
        if not registrar.accounts:
            raise StanzaError(
                StanzaCondition.NOT_ALLOWED, "accounts are ended by an administrator here"
            )
        await services.directory.delete(account)
        services.bus.publish(AdministrationDone(account, "person.delete", account))
        return
    _check(context, wish)
    await services.identity.set_password(context.person, wish.password)
    services.bus.publish(AdministrationDone(account, "person.password", account))


def _check(context: Context, wish: Wish) -> None:
    """Make sure that a new password can be taken; an empty one changes nothing (section 3.3)."""
    if not (wish.username and wish.password):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a user name and a password are needed")
    if address_of(context.services, wish.username) != context.account:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "this is not your account")


def _registrar(context: Context) -> Registrar:
    registrar = context.services.registration
    if registrar is None:
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, "accounts are kept by an administrator here"
        )
    return registrar
