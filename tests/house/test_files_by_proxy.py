"""Files between clients that cannot reach each other: raw sockets, and slixmpp's own plugin."""

import asyncio
import hashlib
import socket
import threading
from typing import Any

import pytest

from house.premises import HOST, SOON, Premises, address
from house.raw_client import RawClient, Way
from house.slix_client import slix

PROXY = "proxy." + address("x").partition("@")[2]
NS = "http://jabber.org/protocol/bytestreams"
FILE = bytes(range(256)) * 4096 * 32  # 32 MiB, far more than the buffers on the way
MEMORY = 8 << 20  # that the server may take for it


def streamhost(client: RawClient) -> tuple[str, int]:
    answer = client.iq("get", f"<query xmlns='{NS}'/>", PROXY)
    found = answer.find(f".//{{{NS}}}streamhost")
    assert found is not None
    assert found.get("jid") == PROXY
    return found.get("host", ""), int(found.get("port", ""))


def joined(where: tuple[str, int], name: str) -> socket.socket:
    """A connection that the proxy has accepted."""
    request = b"\x05\x01\x00\x03\x28" + name.encode() + b"\0\0"
    one = socket.create_connection(where, SOON)
    one.sendall(b"\x05\x01\x00")
    assert one.recv(2) == b"\x05\x00"
    one.sendall(request)
    assert exactly(one, len(request)) == b"\x05\x00" + request[2:]
    return one


def exactly(one: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = one.recv(count - len(data))
        assert piece, "it ended early"
        data += piece
    return data


def begin(house: Premises, ann: RawClient) -> tuple[socket.socket, socket.socket]:
    """The requester's connection and the target's, joined."""
    target, where = f"{address('bob')}/desk", streamhost(ann)
    name = hashlib.sha1(f"s1{ann.full}{target}".encode(), usedforsecurity=False).hexdigest()
    theirs, own = joined(where, name), joined(where, name)
    answer = ann.iq(
        "set", f"<query xmlns='{NS}' sid='s1'><activate>{target}</activate></query>", PROXY
    )
    assert answer.get("type") == "result"
    return own, theirs


@pytest.mark.parametrize("way", ["plain", "starttls", "tls"])
def test_clients_are_told_of_a_port_that_begins_in_the_clear(house: Premises, way: Way):
    with house.client("ann", way=way) as ann:
        host, port = streamhost(ann)
        assert host == HOST
        assert port == house.ports["starttls" if way == "tls" else way]


def test_a_large_file_goes_through_a_small_memory(house: Premises):
    with house.client("ann", way="starttls") as ann:
        own, theirs = begin(house, ann)
        with own, theirs:
            before = house.memory_bytes()
            sender = threading.Thread(target=send, args=(own, FILE))
            sender.start()
            # Nobody reads yet: the sender is held, and not the file by the server.
            sender.join(1.0)
            assert sender.is_alive()
            assert house.memory_bytes() - before < MEMORY
            assert ann.ping() < SOON
            got = exactly_digested(theirs, len(FILE))
            sender.join(SOON)
            assert got == hashlib.sha256(FILE).hexdigest()
            # The sender has ended its half; the other may still answer.
            assert theirs.recv(1) == b""
            theirs.sendall(b"thanks")
            theirs.close()
            assert exactly(own, 6) == b"thanks"
            assert own.recv(1) == b""
    carried = len(FILE) + 6
    line = house.saw(lambda one: one.get("event") == "bytestream" and one["bytes"] == carried)
    assert line["requester"] == address("ann")
    assert line["end"] == "done"


def send(one: socket.socket, data: bytes) -> None:
    one.settimeout(SOON)
    one.sendall(data)
    one.shutdown(socket.SHUT_WR)


def exactly_digested(one: socket.socket, count: int) -> str:
    digest, came = hashlib.sha256(), 0
    while came < count:
        piece = one.recv(1 << 16)
        assert piece, "it ended early"
        digest.update(piece)
        came += len(piece)
    return digest.hexdigest()


def test_a_connection_that_breaks_ends_the_other(house: Premises):
    with house.client("ann") as ann:
        own, theirs = begin(house, ann)
        with own, theirs:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # by RST
            own.close()
            assert theirs.recv(1) == b""


def test_what_is_no_bytestream_is_told_so(house: Premises):
    with socket.create_connection((HOST, house.ports["starttls"]), SOON) as one:
        one.sendall(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16")
        assert exactly(one, 2 + 10) == b"\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0"
        assert one.recv(1) == b""


async def test_slixmpp_sends_a_file(house: Premises):
    async with slix(house, "ann") as ann, slix(house, "bob", way="tls") as bob:
        for client in (ann, bob):
            client.register_plugin("xep_0065", {"auto_accept": True})
            client.add_event_handler(
                "socks5_data", lambda data, client=client: client._note("bytes", data)
            )
        sock: Any = await ann.plugin["xep_0065"].handshake(bob.boundjid.full, timeout=5)
        await sock.write(b"a photo")
        assert await bob.saw("bytes") == b"a photo"
        sock.transport.close()
        await asyncio.to_thread(house.saw, lambda one: one.get("bytes") == len(b"a photo"))


def test_the_proxy_may_be_off_or_elsewhere(empty: Premises):
    listeners = f'listen_plain = ["{HOST}:0"]\nlisten = []\nlisten_tls = []\n'
    empty.furnish(xmpp=listeners + 'proxy_host = "files.house.example"')
    empty.start()
    empty.add_people("ann")
    with empty.client("ann") as ann:
        assert streamhost(ann) == ("files.house.example", empty.ports["plain"])
        waits = joined((HOST, empty.ports["plain"]), "0" * 40)
    with waits:
        assert empty.stop() == 0
        assert waits.recv(1) == b""
    empty.furnish(xmpp=listeners + "proxy = false")
    empty.start()
    with empty.client("ann") as ann:
        items = ann.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", ann.domain)
        assert PROXY not in [item.get("jid") for item in items[0]]
        assert ann.iq("get", f"<query xmlns='{NS}'/>", PROXY).get("type") == "error"
    with empty.connect() as one:
        one.send(b"\x05\x01\x00")
        assert b"stream:error" in one.read_to_end()
    assert empty.stop() == 0
