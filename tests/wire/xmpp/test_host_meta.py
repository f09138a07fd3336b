import json
from xml.etree.ElementTree import fromstring

from clarion.wire.xmpp.host_meta import BOSH, WEBSOCKET, as_jrd, as_xrd, links

PATHS = {BOSH: "/http-bind", WEBSOCKET: "/xmpp-websocket"}


def test_both_forms_say_the_same():
    ways = links("https://chat.example:8443/x", PATHS)
    wanted = {
        BOSH: "https://chat.example:8443/x/http-bind",
        WEBSOCKET: "wss://chat.example:8443/x/xmpp-websocket",
    }
    assert ways == wanted
    xrd = fromstring(as_xrd(ways))
    assert xrd.tag == "{http://docs.oasis-open.org/ns/xri/xrd-1.0}XRD"
    assert {link.get("rel"): link.get("href") for link in xrd} == wanted
    assert {link["rel"]: link["href"] for link in json.loads(as_jrd(ways))["links"]} == wanted


def test_nothing_is_said_of_what_has_no_tls():
    assert links("http://chat.example", PATHS) == {}
    assert links("", PATHS) == {}
