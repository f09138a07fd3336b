"""Software version (XEP-0092 1.1): the name and version of the server.

The operating system is never told, so there is nothing to switch off
(section 5 asks for a switch where it is).
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion import __version__
from clarion.wire.xml import escape
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "jabber:iq:version"

version = Extension(
    Card(
        name="version",
        spec="XEP-0092",
        title="Software Version",
        version="1.1",
        test="tests/xmpp/test_version.py",
        features=(NS,),
    )
)


@version.on_iq("get", f"{{{NS}}}query", at=("server",))
def tell(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell name and version (section 2)."""
    return (
        f"<query xmlns='{NS}'><name>Clarion</name><version>{escape(__version__)}</version></query>"
    ).encode()
