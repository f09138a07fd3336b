"""The namespaces and tags that more than one file of the XMPP door needs."""

from typing import Final

STREAMS: Final = "http://etherx.jabber.org/streams"
CLIENT: Final = "jabber:client"
SERVER: Final = "jabber:server"
COMPONENT: Final = "jabber:component:accept"
DIALBACK: Final = "jabber:server:dialback"
TLS: Final = "urn:ietf:params:xml:ns:xmpp-tls"
SASL: Final = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND: Final = "urn:ietf:params:xml:ns:xmpp-bind"
REGISTER: Final = "jabber:iq:register"
REGISTER_FEATURE: Final = "http://jabber.org/features/iq-register"
XML: Final = "http://www.w3.org/XML/1998/namespace"

MESSAGE: Final = f"{{{CLIENT}}}message"
PRESENCE: Final = f"{{{CLIENT}}}presence"
IQ: Final = f"{{{CLIENT}}}iq"
STANZAS: Final = frozenset({MESSAGE, PRESENCE, IQ})
BODY: Final = f"{{{CLIENT}}}body"
XML_LANG: Final = f"{{{XML}}}lang"
