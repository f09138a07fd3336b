"""Entity time (XEP-0202 2.0): the server's clock, and the organisation's offset from UTC."""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.zones import offset_of
from clarion.wire.xmpp.stamps import utc
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "urn:xmpp:time"

entity_time = Extension(
    Card(
        name="entity_time",
        spec="XEP-0202",
        title="Entity Time",
        version="2.0",
        test="tests/xmpp/test_entity_time.py",
        features=(NS,),
    )
)


@entity_time.on_iq("get", f"{{{NS}}}time", at=("server",))
def tell(context: Context, stanza: Stanza, payload: Element) -> bytes:
    """Tell the time in UTC, and the offset of ``[directory] time_zone`` (section 2)."""
    now = context.services.clock.wall()
    offset = offset_of(now, context.services.directory.time_zone)
    return f"<time xmlns='{NS}'><tzo>{offset}</tzo><utc>{utc(now)}</utc></time>".encode()
