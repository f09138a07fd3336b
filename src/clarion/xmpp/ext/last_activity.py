"""Last activity: when somebody was last here, and how long the server has been up (XEP-0012 2.0).

How a person left is kept with the end of the last session, so it survives a
restart; a server that is killed leaves what was known before.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.activity import LastActivity
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.routing import recipient_of
from clarion.xmpp.visibility import sees_presence

NS: Final = "jabber:iq:last"
QUERY: Final = f"{{{NS}}}query"

last_activity = Extension(
    Card(
        name="last_activity",
        spec="XEP-0012",
        title="Last Activity",
        version="2.0",
        test="tests/xmpp/test_last_activity.py",
        features=(NS,),
        account_features=(NS,),
    )
)


@last_activity.on_iq("get", QUERY, at=("server",))
def uptime(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell how long the server has been running (section 5)."""
    services = context.services
    return _answer(services.clock.monotonic() - services.began)


@last_activity.on_iq("get", QUERY, at=("account", "contact"))
async def last_here(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell when a person left (section 3).

    Raises:
        StanzaError: The requester may not see that person's presence, which
            looks the same where there is no such person; or the person was
            never here.
        UnavailableError: The store cannot say.

    """
    services = context.services
    recipient = recipient_of(context, stanza)
    person = services.directory.person(recipient.bare)
    if person is None or not await sees_presence(context, person):
        raise _forbidden()
    if services.sessions.of(person.address):
        return _answer(0)
    last = await services.activity.last(person.number)
    if last is None:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{person.address} was never here")
    return _answer(services.clock.wall() - last.at, last.status)


@last_activity.on_iq("get", QUERY, at=("session",))
async def ask_client(context: Context, stanza: Stanza, query: Element) -> None:
    """Let only those ask a client who may see the presence of that session (section 4).

    Raises:
        StanzaError: The requester may not.
        UnavailableError: That person's roster cannot be read.

    """
    recipient = recipient_of(context, stanza)
    if recipient.domain != context.services.domain:
        return  # whoever forwards it knows what to say
    entity = context.people.get(recipient.bare)
    session = None if entity is None else entity.with_resource(recipient.resource)
    shown = {context.account, context.session.full}
    if session is not None and not session.directed.isdisjoint(shown):
        return
    if not await sees_presence(context, context.services.directory.person(recipient.bare)):
        raise _forbidden()


@last_activity.on_closed
def closed(context: Context) -> None:
    """Note how the person left, when this was the last session."""
    entity, services = context.entity, context.services
    # Whoever was deleted leaves nothing behind.
    if not entity.sessions and services.directory.by_number(context.person.number) is not None:
        how = LastActivity(services.clock.wall(), entity.farewell)
        services.activity.left(context.person.number, how)


def _answer(seconds: float, status: str = "") -> bytes:
    start = f"<query xmlns='{NS}' seconds='{max(0, int(seconds))}'"  # the clock may be set back
    return (f"{start}>{escape(status)}</query>" if status else f"{start}/>").encode()


def _forbidden() -> StanzaError:
    return StanzaError(
        StanzaCondition.FORBIDDEN, "only those who may see somebody's presence may ask for this"
    )
