"""XEP-0357 Push Notifications: a client says where it is to be told of what waits.

When that happens is in ``push_decision.py``, that it happens in ``pushing.py``.
What a notification shows is the operator's to
say alone (Security Considerations).
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.push import Device
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.push import DISABLE, ENABLE, NS, parse_disable, parse_enable
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.arriving import looked_at
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At, Card, Extension
from clarion.xmpp.pushing import Pusher

HERE: Final[tuple[At, ...]] = ("account",)

push = Extension(
    Card(
        name="push",
        spec="XEP-0357",
        title="Push Notifications",
        version="0.4.1",
        account_features=(NS,),
        test="tests/xmpp/test_push.py",
    )
)


@push.on_iq("set", ENABLE, at=HERE)
async def enable(context: Context, stanza: Stanza, element: Element) -> None:
    """Tell this place from now on, with these options (section "Enabling Notifications").

    Raises:
        StanzaError: It can be no push service.
        PeerError: The request is malformed.
        UsageError: The options are too long.
        UnavailableError: The store cannot keep it.

    """
    pusher, services = _pusher(context), context.services
    wanted = parse_enable(element)
    jid = parse_jid(wanted.service)
    if jid.domain == services.domain and not jid.resource:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"{wanted.service} is no push service")
    device = Device(
        context.person.number, wanted.service, wanted.node, wanted.options, services.clock.wall()
    )
    await pusher.devices.enable(device)
    pusher.forget(device.key)


@push.on_iq("set", DISABLE, at=HERE)
async def disable(context: Context, stanza: Stanza, element: Element) -> None:
    """Tell this place, or all of this service, nothing any more; harmless where none is enabled.

    Raises:
        PeerError: The request is malformed.
        UnavailableError: The store cannot do it.

    """
    pusher = _pusher(context)
    service, node = parse_disable(element)
    keys = [
        device.key
        for device in pusher.devices.of(context.person.number)
        if device.service == service and node in {None, device.node}
    ]
    await pusher.devices.disable(keys)
    for key in keys:
        pusher.forget(key)


@push.on_available
def available(context: Context) -> None:
    """Somebody has come on line: what waited is on its way to them."""
    looked_at(context.services, context.entity)


def _pusher(context: Context) -> Pusher:
    pusher = context.services.pusher
    if pusher is None:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "there is no push here")
    return pusher
