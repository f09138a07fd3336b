"""A picture and a voice message from one stock client to another, with slixmpp's own plugins."""

import io
from collections.abc import Iterator

import aiohttp
import pytest
from slixmpp.plugins.xep_0363 import FileTooBig

from house.premises import HOST, Premises, address, open_house
from house.slix_client import slix

WEB = f'[web]\nlisten = []\nlisten_plain = ["{HOST}:0"]\n[files]\nfile_bytes = 100_000\n'
PLUGINS = ("xep_0066", "xep_0363", "xep_0446", "xep_0447")


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    with open_house(people=("ann", "bob"), more=WEB) as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize(
    ("name", "kind"), [("très cool.jpg", "image/jpeg"), ("voice.ogg", "audio/ogg")]
)
async def test_a_file_arrives_and_is_in_the_archive(house: Premises, name: str, kind: str):
    data = bytes(range(256)) * 100
    async with slix(house, "ann") as ann, slix(house, "bob") as bob:
        for client in (ann, bob):
            for plugin in PLUGINS:
                client.register_plugin(plugin)
        url = await ann.plugin["xep_0363"].upload_file(
            name, content_type=kind, input_file=io.BytesIO(data)
        )
        sent = ann.make_message(address("bob"), url, mtype="chat")
        sent["oob"]["url"] = url
        sent.append(ann.plugin["xep_0447"].get_sfs(data=data, uris=[url], media_type=kind))
        sent.send()
        came = await bob.saw("message", lambda message: message["body"] == url)
        assert came["oob"]["url"] == url
        assert came["sfs"]["file"]["size"] == len(data)
        assert came["sfs"]["file"]["media-type"] == kind
        assert came["sfs"]["sources"]["url-data"]["target"] == url
        async with aiohttp.ClientSession() as session, session.get(came["oob"]["url"]) as answer:
            assert answer.headers["Content-Type"] == kind
            assert await answer.read() == data
        kept = [
            one["mam_result"]["forwarded"]["stanza"]
            async for one in bob.plugin["xep_0313"].iterate(with_jid=ann.boundjid.bare)
        ]
        assert kept[-1]["oob"]["url"] == url
        assert kept[-1]["sfs"]["file"]["media-type"] == kind


async def test_a_client_knows_what_is_too_large(house: Premises):
    async with slix(house, "ann") as ann:
        ann.register_plugin("xep_0363")
        with pytest.raises(FileTooBig):
            await ann.plugin["xep_0363"].upload_file("a.bin", input_file=io.BytesIO(bytes(100_001)))
