"""Ping: is anybody there (XEP-0199 2.0.1)."""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "urn:xmpp:ping"

ping = Extension(
    Card(
        name="ping",
        spec="XEP-0199",
        title="XMPP Ping",
        version="2.0.1",
        test="tests/xmpp/test_ping.py",
        features=(NS,),
        account_features=(NS,),
    )
)


@ping.on_iq("get", f"{{{NS}}}ping", at=("server", "account"))
def pong(context: Context, stanza: Stanza, payload: Element) -> None:
    """Answer with an empty result (section 4.2); pings between clients are just routed."""
