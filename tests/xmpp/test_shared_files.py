"""Messages about files, as stock clients send them, arrive as they are and are in the archive.

XEP-0066 beside a body, XEP-0447 with the metadata of XEP-0446 and a thumbnail
of XEP-0264: the server only carries them, and nothing of them may be lost.
"""

from xml.etree.ElementTree import Element, fromstring

import pytest

from clarion.wire.xml import serialise
from fakes.world import DOMAIN, FakeClient, world

URL = f"https://{DOMAIN}/upload/file1/tr%C3%A8s%20cool.jpg"
OOB = f"<x xmlns='jabber:x:oob'><url>{URL}</url></x>"
SHARED = (
    "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline' id='f1'>"
    "<file xmlns='urn:xmpp:file:metadata:0'><media-type>image/jpeg</media-type>"
    "<name>très cool.jpg</name><size>23456</size><width>800</width><height>600</height>"
    "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU="
    "</hash><desc>Photo</desc>"
    "<thumbnail xmlns='urn:xmpp:thumbs:1' uri='data:image/png;base64,iVBORw0KGgo=' "
    "media-type='image/png' width='128' height='96'/></file>"
    f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources>"
    "</file-sharing>"
)
FALLBACK = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>"
VOICE = (
    "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'>"
    "<file xmlns='urn:xmpp:file:metadata:0'><media-type>audio/ogg</media-type>"
    "<length>5000</length><size>9999</size></file>"
    f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{URL}'/></sources>"
    "</file-sharing>"
)
ATTACHED = f"<sources xmlns='urn:xmpp:sfs:0' id='f1'><reference uri='{URL}'/></sources>"
BODY = f"<body>{URL}</body>"


def children(client: FakeClient) -> dict[str, str]:
    """The first message that came: its children by tag, as text."""
    (message,) = (one for one in client.read() if one.tag.endswith("}message"))
    inside = message.find(".//{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    return {child.tag: flat(child) for child in (message if inside is None else inside)}


def flat(element: Element) -> str:
    return serialise(element).decode()


@pytest.mark.parametrize(
    "content",
    [BODY + OOB, BODY + SHARED + FALLBACK, BODY + OOB + VOICE, SHARED, ATTACHED],
    ids=["xep0066", "xep0447", "voice message", "without a body", "sources that come later"],
)
async def test_a_message_about_a_file(content: str):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.read()
        store = "<store xmlns='urn:xmpp:hints'/>"
        await ann.send(f"<message type='chat' id='m1' to='bob@{DOMAIN}'>{content}{store}</message>")
        came = children(bob)
        sent = fromstring(f"<message xmlns='jabber:client'>{content}</message>")
        wanted = {child.tag: flat(child) for child in sent}
        for tag, text in wanted.items():
            assert came[tag] == text
        for who in (ann, bob):
            who.read()
            await who.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
            kept = children(who)
            for tag, text in wanted.items():
                assert kept[tag] == text
