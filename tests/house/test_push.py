"""A telephone that sleeps is told of what waits, by way of a push service (XEP-0357)."""

import asyncio
import json
from typing import Any
from xml.etree.ElementTree import fromstring

from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from house.premises import SOON, Premises, address, clarion
from house.slix_client import SlixClient, slix

PUSH = "urn:xmpp:push:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
ANN = address("ann")


class AppServer:
    """What the maker of a client runs: takes notifications, as a pubsub service does."""

    def __init__(self, client: SlixClient) -> None:
        self.client = client
        self.error = ""
        self.came: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        client.register_handler(
            Callback("push", MatchXPath(f"{{jabber:client}}iq/{{{PUBSUB}}}pubsub"), self._take)
        )

    def _take(self, iq: Any) -> None:
        publish = iq.xml.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish")
        fields = {
            field.get("var"): field.findtext("{jabber:x:data}value")
            for field in iq.xml.iter("{jabber:x:data}field")
        }
        self.came.put_nowait({"node": publish.get("node"), **fields})
        reply = iq.reply()
        if self.error:
            reply["type"] = "error"
            reply["error"]["condition"] = self.error
            reply["error"]["type"] = "cancel"
        reply.send()

    async def next(self) -> dict[str, str]:
        async with asyncio.timeout(SOON):
            return await self.came.get()


async def enable(client: SlixClient, service: str) -> None:
    iq = client.make_iq_set(ito=ANN)
    form = (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        f"<value>{PUBSUB}#publish-options</value></field>"
        "<field var='secret'><value>only-the-app-server-knows</value></field></x>"
    )
    iq.append(fromstring(f"<enable xmlns='{PUSH}' jid='{service}' node='ann-s-1'>{form}</enable>"))
    await iq.send(timeout=5)


def shown(house: Premises) -> Any:
    done = clarion("person", "show", ANN, "--json", "--config", str(house.config))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["push"]


def whats(house: Premises) -> list[str]:
    (place,) = shown(house)
    return [one["what"] for one in place["record"]]


async def until(house: Premises, what: str) -> None:
    async with asyncio.timeout(SOON):
        while what not in await asyncio.to_thread(whats, house):
            pass  # each look starts a program, which takes its time


async def test_a_sleeping_telephone_is_told(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob", "cai")
    async with slix(house, "cai", resource="push") as cai, slix(house, "bob") as bob:
        app = AppServer(cai)
        async with slix(house, "ann", resource="phone") as ann:
            info = await ann.plugin["xep_0030"].get_info(jid=ANN, timeout=5)
            assert PUSH in info["disco_info"]["features"]
            await enable(ann, cai.boundjid.full)
            # While the client is active its person has read it already.
            bob.send_message(mto=ANN, mbody="are you there?", mtype="chat")
            await ann.saw("message", lambda m: m["body"])
            await until(house, "held back")
            assert app.came.empty()
            ann.plugin["xep_0352"].send_inactive()
            await ann.plugin["xep_0199"].ping(timeout=5)
            bob.send_message(mto=ANN, mbody="now you are not", mtype="chat")
            told = await app.next()
            assert (told["node"], told["message-count"]) == ("ann-s-1", "1")
            assert told["secret"] == "only-the-app-server-knows"
            assert "last-message-body" not in told
            assert "last-message-sender" not in told
            await until(house, "answered")
        # It is off line now, and was told a moment ago.
        bob.send_message(mto=ANN, mbody="one more", mtype="chat")
        await until(house, "coalesced")
        table = clarion("person", "show", ANN, "--config", str(house.config)).stdout
        assert "phone was active" in table
        assert "the push service took it" in table
        assert "only-the-app-server-knows" not in table
        # What was asked for outlives the server; the record of how it went does not.
        await asyncio.to_thread(house.stop)
    assert [place["record"] for place in shown(house)] == [[]]
    house.start()
    async with slix(house, "cai", resource="push") as cai, slix(house, "bob") as bob:
        app = AppServer(cai)
        app.error = "item-not-found"
        await cai.plugin["xep_0199"].ping(timeout=5)
        bob.send_message(mto=ANN, mbody="after the restart", mtype="chat")
        await app.next()
        await until(house, "given up")
        (place,) = await asyncio.to_thread(shown, house)
        assert place["error"].startswith("item-not-found")
    assert house.stop() == 0
    (place,) = shown(house)
    assert place["error"].startswith("item-not-found")
