"""BOSH at a running server: log-in, chat, answers had twice, and what is refused."""

from collections.abc import Iterator

import pytest

from house.premises import HOST, Premises, address, open_house
from house.raw_client import StreamFailedError
from house.web_client import BoshClient, over_bosh

NS = "xmlns='http://jabber.org/protocol/httpbind'"
WEB = f'[web]\nlisten = ["{HOST}:0"]\nlisten_plain = ["{HOST}:0"]\n'


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    with open_house(more=WEB) as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize("secure", [True, False])
def test_a_chat_between_a_browser_and_an_ordinary_client(house: Premises, secure: bool):
    with over_bosh(house, "ann", secure=secure) as ann, house.client("bob") as bob:
        assert "Access-Control-Allow-Origin: *" in ann.head
        assert "Content-Type: text/xml; charset=utf-8" in ann.head
        assert ann.bodies[0].get("{urn:xmpp:xbosh}restartlogic") == "true"
        assert not ann.bindings  # there is no one TLS connection
        ann.write(address("bob"), "from the web")
        assert bob.message("from the web").get("from") == ann.full
        bob.write(address("ann"), "to the web")
        got = ann.message("to the web")
        assert got.tag == "{jabber:client}message"
        again = ann.rid
        before = ann.raw[again]
        ann.exchange(again)
        assert ann.raw[again] == before  # the same bytes
        ann.ask("<presence xmlns='jabber:client' type='unavailable'/>", " type='terminate'")
        assert ann.bodies[-1].attrib == {"type": "terminate"}
        assert ann.ask().get("condition") == "item-not-found"


def test_a_wrong_password_and_a_broken_stream(house: Premises):
    with BoshClient(house) as stranger:
        stranger.open()
        body = stranger.ask("<presence xmlns='jabber:client'/>")
        assert body.get("condition") == "remote-stream-error"
        with pytest.raises(StreamFailedError, match="not-authorized"):
            stranger.next()


def test_a_session_belongs_to_who_knows_its_name(house: Premises):
    with over_bosh(house, "ann", secure=True) as ann, BoshClient(house) as other:
        other.sid, other.rid = ann.sid, ann.rid
        assert other.ask().get("condition") == "item-not-found"  # without TLS it is unknown
        assert ann.ping() < 5


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("nonsense", "bad-request"),
        (f"<body {NS}/>", "bad-request"),
        (f"<body {NS} rid='1' sid='unknown'/>", "item-not-found"),
        (f"<body {NS} rid='1'/>", "improper-addressing"),
        (f"<body {NS} rid='1' to='other.example'/>", "host-unknown"),
        (f"<body {NS} rid='1' to='house.example' wait='x'/>", "bad-request"),
    ],
)
def test_what_is_refused(house: Premises, text: str, condition: str):
    with BoshClient(house) as stranger:
        status, raw = stranger.post(text)
        assert status == 200
        assert f"condition='{condition}'".encode() in raw


def test_large_bodies(house: Premises):
    large = "<message xmlns='jabber:client'><body>" + "x" * 200_000 + "</body></message>"
    with BoshClient(house) as stranger:
        assert stranger.post("x" * 200_000)[0] == 413
    with over_bosh(house, "ann") as ann:
        ann.send(large)
        assert ann.ping() < 5


def test_what_a_browser_asks_before(house: Premises):
    with BoshClient(house) as browser:
        assert browser.post("", "OPTIONS")[0] == 204
        assert "Access-Control-Allow-Origin: *" in browser.head
        assert "Access-Control-Allow-Headers: Content-Type" in browser.head
        assert browser.post("", "GET")[0] == 200


def test_a_session_is_resumed_over_another_one(house: Premises):
    with over_bosh(house, "cai") as ann:
        ann.manage(resume=True)
    with house.client("bob") as bob, BoshClient(house) as again:
        bob.write(address("cai"), "meanwhile")
        again.log_in("cai", "cai-sings-in-the-rain")
        again.send(f"<resume xmlns='urn:xmpp:sm:3' previd='{ann.resumption}' h='0'/>")
        assert again.next().tag == "{urn:xmpp:sm:3}resumed"
        again.message("meanwhile")


def test_an_answer_that_was_lost_on_its_way_is_had_again(house: Premises):
    with house.client("bob") as bob, BoshClient(house, wait=20) as other:
        with over_bosh(house, "dan") as ann:
            other.sid, other.rid, full = ann.sid, ann.rid, ann.full
            ann.begin(ann.rid + 1)  # and is gone before there is an answer
        bob.write(full, "lost on the way")
        bob.ping()
        body = other.ask()
        assert body.findtext(".//{jabber:client}body") == "lost on the way"


def test_when_the_server_stops_every_session_is_told(empty: Premises):
    house = empty
    house.furnish(more=WEB)
    house.start()
    house.add_people("ann")
    with over_bosh(house, "ann") as ann:
        ann.ping()
        assert house.process is not None
        house.process.terminate()
        with pytest.raises(StreamFailedError, match="system-shutdown"):
            ann.until(lambda e: False)
        assert house.ended() == 0
