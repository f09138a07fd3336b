"""The web door of a running server: WebSockets beside ordinary clients, over TLS and behind it."""

import urllib.request
from collections.abc import Iterator

import pytest

from house.premises import HOST, Premises, address, open_house
from house.raw_client import BODY, GoneError, RefusedError, origin
from house.web_client import FRAMING, WebSocketClient, over_websocket

WEB = (
    f'[web]\nlisten = ["{HOST}:0"]\nlisten_plain = ["{HOST}:0"]\n'
    'public = "https://chat.house.example"\n'
)


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    with open_house(more=WEB) as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize("secure", [True, False])
def test_a_chat_between_a_browser_and_an_ordinary_client(house: Premises, secure: bool):
    with over_websocket(house, "ann", secure=secure) as ann, house.client("bob") as bob:
        assert "Sec-WebSocket-Protocol: xmpp" in ann.handshake
        assert ann.opened.get("from") == "house.example"
        assert ann.opened.get("version") == "1.0"
        ann.write(address("bob"), "from the web")
        assert bob.message("from the web").get("from") == ann.full
        bob.write(address("ann"), "to the web")
        got = ann.message("to the web")
        assert got.tag == "{jabber:client}message"
        assert ann.ping() < 5
        ann.close()
        assert ann.to_the_end() == ""
        assert ann.frames[-1] == f"<close xmlns='{FRAMING}'/>"
        assert ann.closed == 1000


def test_what_is_offered_depends_on_what_is_below(house: Premises):
    with WebSocketClient(house, secure=True) as secure, WebSocketClient(house) as plain:
        secure.open()
        plain.open()
        assert "SCRAM-SHA-256-PLUS" in secure.mechanisms
        assert secure.bindings
        assert "PLAIN" in plain.mechanisms
        assert not plain.bindings
        for one in (secure, plain):
            assert one.features.find("{urn:ietf:params:xml:ns:xmpp-tls}starttls") is None
        with pytest.raises(RefusedError, match="not-authorized"):
            plain.log_in("ann", "wrong", "PLAIN")
        secure.log_in(
            "ann", "ann-has-a-long-passphrase", "SCRAM-SHA-256-PLUS", binding="tls-server-end-point"
        )
        secure.bind()


def test_a_session_is_resumed_over_another_socket(house: Premises):
    ann = over_websocket(house, "cai")
    ann.manage(resume=True)
    ann.drop()
    with house.client("bob") as bob, WebSocketClient(house) as again:
        bob.write(address("cai"), "meanwhile")
        again.log_in("cai", "cai-sings-in-the-rain")
        again.send(f"<resume xmlns='urn:xmpp:sm:3' previd='{ann.resumption}' h='0'/>")
        assert again.next().tag == "{urn:xmpp:sm:3}resumed"
        again.message("meanwhile")


@pytest.mark.parametrize(
    ("frame", "condition", "code"),
    [
        ("<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>", "bad-format", 1002),
        ("<message xmlns='jabber:client'>", "bad-format", 1002),
        ("<presence xmlns='jabber:client'/>text", "bad-format", 1002),
        (" ", "bad-format", 1002),
        ("</stream:stream>", "not-well-formed", 1002),
        (f"<open xmlns='{FRAMING}' to='house.example' version='1.0'/>", "not-well-formed", 1002),
        (
            "<message xmlns='jabber:client'>" + "x" * 270_000 + "</message>",
            "policy-violation",
            1008,
        ),
    ],
)
def test_frames_that_break_the_rules_end_the_stream(
    house: Premises, frame: str, condition: str, code: int
):
    with over_websocket(house, "ann") as ann:
        ann.send(frame)
        assert ann.to_the_end() == condition
        assert ann.frames[-1] == f"<close xmlns='{FRAMING}'/>"
        assert ann.closed == code


def test_strangers_may_say_less(house: Premises):
    with WebSocketClient(house) as stranger:
        stranger.open()
        stranger.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + "x" * 20_000 + "</auth>")
        assert stranger.to_the_end() == "policy-violation"
    with WebSocketClient(house) as stranger:
        stranger.send("<presence xmlns='jabber:client'/>")  # before <open/>
        assert stranger.to_the_end() == "invalid-namespace"
        assert stranger.opened.get("id")
    with WebSocketClient(house) as stranger:
        stranger.send_frame(0x82, b"<presence/>")
        assert stranger.to_the_end() == "bad-format"
    with WebSocketClient(house) as stranger:
        stranger.send_frame(0x81, b"x" * 1_000_000)
        assert stranger.to_the_end() == ""
        assert stranger.closed == 1009


def test_pings_are_answered_and_messages_may_come_in_pieces(house: Premises):
    with over_websocket(house, "ann") as ann:
        ann.send_frame(0x01, b"<iq xmlns='jabber:client' type='get' id='1'>")
        ann.send_frame(0x89, b"there?")
        ann.send_frame(0x80, b"<ping xmlns='urn:xmpp:ping'/></iq>")
        assert ann.until(lambda e: e.get("id") == "1").get("type") == "result"
        assert "pong there?" in ann.frames


@pytest.mark.parametrize("ending", ["", ".json"])
def test_other_ways_in_are_told(house: Premises, ending: str):
    where = f"http://{HOST}:{house.ports['http']}/.well-known/host-meta{ending}"
    with urllib.request.urlopen(where, timeout=10) as answer:
        text = answer.read().decode()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Content-Type"] == (
            "application/json" if ending else "application/xrd+xml"
        )
    assert "wss://chat.house.example/xmpp-websocket" in text


def test_only_the_subprotocol_xmpp_is_spoken(house: Premises):
    with WebSocketClient(house, protocol="mqtt") as other:
        assert other.handshake.startswith("HTTP/1.1 400 ")
    with WebSocketClient(house, protocol="mqtt, xmpp") as both:
        assert both.handshake.startswith("HTTP/1.1 101 ")


def test_a_closing_frame_without_a_word_leaves_the_session_to_be_resumed(house: Premises):
    with over_websocket(house, "ann") as ann:
        ann.manage(resume=True)
        ann.answers = False  # it goes first
        ann.send_frame(0x88, b"\x03\xe8")
        assert ann.to_the_end() == ""
        assert ann.closed == 1000
        assert f"<close xmlns='{FRAMING}'/>" not in ann.frames
    with WebSocketClient(house) as again:
        again.log_in("ann", "ann-has-a-long-passphrase")
        again.send(f"<resume xmlns='urn:xmpp:sm:3' previd='{ann.resumption}' h='0'/>")
        assert again.next().tag == "{urn:xmpp:sm:3}resumed"


def test_behind_a_trusted_proxy(empty: Premises):
    house = empty
    house.furnish(more=f'{WEB}trusted_proxies = ["{HOST}"]\n')
    house.start()
    house.add_people("ann")
    said = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
    with WebSocketClient(house, headers=said) as ann:
        ann.log_in("ann", "ann-has-a-long-passphrase", "SCRAM-SHA-1")
        assert not ann.bindings  # the proxy's TLS is not ours
        ann.bind()
        house.saw(lambda line: line.get("event") == "logged in" and line["peer"] == "192.0.2.7")
    with WebSocketClient(house, headers="X-Forwarded-For: 192.0.2.7\r\n") as bare:
        assert bare.handshake.startswith("HTTP/1.1 403 ")  # its password would cross the network


@pytest.mark.parametrize("secure", [True, False])
def test_a_browser_that_does_not_read_is_cut_off_and_misses_nothing(empty: Premises, secure: bool):
    house = empty
    house.furnish(
        more=WEB,
        limits="stanza_bytes = 65536\nsend_queue_bytes = 262144\n"
        "unacknowledged_bytes = 262144\nunacknowledged_stanzas = 100000\n",
    )
    house.start()
    house.add_people("ann", "dan")
    many = 400
    with (
        over_websocket(house, "dan", secure=secure, receive_buffer=4096),
        house.client("ann", managed=True, present=False) as ann,
    ):
        for number in range(many):
            ann.write(address("dan"), "x" * 16_384, f"n{number}")
        assert ann.acknowledged() == many
        house.saw(lambda line: line.get("event") == "client does not read; connection cut")
    with over_websocket(house, "dan", secure=secure) as again:
        again.manage()
        taken: list[str] = []
        while len(set(taken)) < many:
            element = again.next()
            if element.findtext(BODY) is not None:
                taken.append(origin(element))
                again.acknowledge()
    assert taken == [f"n{number}" for number in range(many)]


def test_when_the_server_stops_every_socket_is_told(empty: Premises):
    house = empty
    house.furnish(more=WEB)
    house.start()
    house.add_people("ann")
    with over_websocket(house, "ann") as ann, WebSocketClient(house) as stranger:
        stranger.open()
        ann.ping()
        assert house.stop() == 0
        assert ann.to_the_end() == "system-shutdown"
        assert ann.closed == 1001
        assert stranger.to_the_end() == "system-shutdown"
        with pytest.raises((GoneError, OSError)):
            WebSocketClient(house)
