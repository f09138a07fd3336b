"""Two servers on loopback: people of each talk to people of the other (RFC 6120, XEP-0220)."""

from collections.abc import Iterator

import pytest

from house.premises import HOST
from house.raw_client import CLIENT, StreamFailedError, condition
from house.towns import BOTH, Town, echo_bot, open_town, soon

A, B = "alpha.example", "beta.example"


@pytest.fixture
def town() -> Iterator[Town]:
    with open_town() as place:
        yield place


def test_people_of_two_servers_see_and_write_to_each_other(town: Town):
    town.open(A, "ann")
    town.open(B, "bob")
    ann = town.client(f"ann@{A}", managed=True)
    bob = town.client(f"bob@{B}")

    ann.send(f"<presence to='bob@{B}' type='subscribe'/>")
    bob.until(lambda e: e.get("type") == "subscribe" and e.get("from") == f"ann@{A}")
    bob.send(f"<presence to='ann@{A}' type='subscribed'/>")
    ann.until(lambda e: e.get("type") == "subscribed")
    seen = ann.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"bob@{B}/raw")
    assert seen.get("type") is None
    bob.send(f"<presence to='ann@{A}' type='subscribe'/>")
    ann.until(lambda e: e.get("type") == "subscribe")
    ann.send(f"<presence to='bob@{B}' type='subscribed'/>")
    bob.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"ann@{A}/raw")

    asks = "<request xmlns='urn:xmpp:receipts'/>"
    ann.write(f"bob@{B}", "hello over there", "m1", asks)
    came = bob.message("hello over there")
    assert came.get("from") == f"ann@{A}/raw"
    assert ann.acknowledged() >= 1
    bob.send(
        f"<message to='ann@{A}/raw' id='r1'><received xmlns='urn:xmpp:receipts' id='m1'/></message>"
    )
    ann.until(lambda e: e.find("{urn:xmpp:receipts}received") is not None)
    bob.write(f"ann@{A}", "and back", "m2")
    assert ann.message("and back").get("to") == f"ann@{A}"

    # Each has the whole talk in the own archive.
    for client in (ann, bob):
        bodies = [m.findtext(f"{CLIENT}body") for m in client.archive()]
        assert [body for body in bodies if body] == ["hello over there", "and back"]

    # A client that comes later learns who is there, and one that goes is missed.
    bob.send("<presence type='unavailable'/>")
    ann.until(lambda e: e.get("type") == "unavailable" and e.get("from") == f"bob@{B}/raw")
    bob.send("<presence/>")
    bob.until(lambda e: e.get("from") == f"ann@{A}/raw" and e.tag == f"{CLIENT}presence")

    # Requests: to a client, to the other server, to somebody's account.
    bob.answers = False
    ann.send(f"<iq type='get' id='p1' to='bob@{B}/raw'><ping xmlns='urn:xmpp:ping'/></iq>")
    asked = bob.until(lambda e: e.get("id") == "p1")
    bob.send(f"<iq type='result' id='p1' to='{asked.get('from')}'/>")
    assert ann.until(lambda e: e.get("id") == "p1").get("type") == "result"
    assert ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", B).get("type") == "result"
    info = ann.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", f"bob@{B}")
    assert info.get("type") == "result"


def test_the_ledger_knows_that_somebody_of_another_server_has_read(town: Town):
    house = town.open(A, "ann")
    town.open(B, "bob")
    ann = town.client(f"ann@{A}", managed=True)
    bob = town.client(f"bob@{B}")
    ann.write(f"bob@{B}", "read this", "m1", "<markable xmlns='urn:xmpp:chat-markers:0'/>")
    bob.message("read this")
    bob.send(
        f"<message type='chat' to='ann@{A}' id='d1'>"
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/></message>"
    )
    ann.until(lambda e: e.find("{urn:xmpp:chat-markers:0}displayed") is not None)
    soon(lambda: (f"bob@{B}", "marked") in house.rows("SELECT reader, act FROM move"))


def test_servers_whose_certificates_are_made_for_it_prove_themselves_by_them(town: Town):
    alpha = town.open(A, "ann", usages=BOTH, federation="ask_certificates = true")
    town.open(B, "bob", usages=BOTH, federation="ask_certificates = true", direct=True)
    ann, bob = town.client(f"ann@{A}"), town.client(f"bob@{B}")
    ann.write(f"bob@{B}", "one")
    bob.message("one")
    bob.write(f"ann@{A}", "two")
    ann.message("two")
    assert (f"_xmpps-server._tcp.{B}", "SRV") in town.names.asked
    assert [line["by"] for line in alpha.events("a server is in")] == ["certificate"]
    assert [line["by"] for line in alpha.events("stream to a server")] == ["certificate"]


def test_a_server_with_somebody_elses_certificate_gets_nothing_and_brings_nothing(town: Town):
    town.open(A, "ann")
    town.open(B, "bob", named="mallory.example")
    ann, bob = town.client(f"ann@{A}", managed=True), town.client(f"bob@{B}")
    ann.write(f"bob@{B}", "secret", "m1")
    refused = ann.until(lambda e: e.get("type") == "error" and e.get("id") == "m1")
    assert condition(refused) == "remote-server-timeout"
    assert refused.get("from") == f"bob@{B}"
    assert ann.acknowledged() >= 1
    bob.write(f"ann@{A}", "from nobody", "m2")
    answer = bob.until(lambda e: e.get("type") == "error" and e.get("id") == "m2")
    assert condition(answer) == "remote-server-timeout"


def test_nobody_speaks_for_another_domain(town: Town):
    """A server that has proved to be one domain brings a stanza of another's."""
    alpha = town.open(A, "ann", federation="ask_certificates = true")
    ann = town.client(f"ann@{A}")
    with town.server("mallory.example", alpha) as mallory:
        mallory.prove()
        mallory.send(
            f"<message from='mallory@mallory.example' to='ann@{A}'><body>as myself</body></message>"
        )
        ann.message("as myself")
        mallory.send(
            f"<message from='bob@{B}' to='ann@{A}'><body>as bob</body></message>"
            f"<message from='mallory@mallory.example' to='ann@{A}'><body>too late</body></message>"
        )
        with pytest.raises(StreamFailedError, match="invalid-from"):
            mallory.next()
    with pytest.raises(TimeoutError):
        ann.message(timeout=0.5)


def test_an_unknown_domain_is_told_at_once_and_not_looked_for_again_and_again(town: Town):
    town.open(A, "ann")
    ann = town.client(f"ann@{A}")
    for name in ("m1", "m2", "m3"):
        ann.write("zoe@nowhere.example", "anybody?", name)
        refused = ann.until(lambda e, name=name: e.get("id") == name)
        assert condition(refused) == "remote-server-not-found"
    asked = [one for one in town.names.asked if one == ("nowhere.example", "A")]
    assert len(asked) == 1


def test_domains_that_are_denied_are_not_talked_to(town: Town):
    alpha = town.open(A, "ann", federation=f'deny = ["{B}"]')
    town.open(B, "bob")
    ann, bob = town.client(f"ann@{A}"), town.client(f"bob@{B}")
    ann.write(f"bob@{B}", "no", "m1")
    refused = ann.until(lambda e: e.get("id") == "m1")
    assert condition(refused) == "remote-server-not-found"
    bob.write(f"ann@{A}", "let me in", "m2")
    answer = bob.until(lambda e: e.get("id") == "m2")
    assert condition(answer) == "remote-server-timeout"
    assert not alpha.events("a server is in")


def test_whoever_is_blocked_is_not_heard_from_outside_either(town: Town):
    town.open(A, "ann")
    town.open(B, "bob")
    ann, bob = town.client(f"ann@{A}"), town.client(f"bob@{B}")
    block = f"<block xmlns='urn:xmpp:blocking'><item jid='{B}'/></block>"
    assert ann.iq("set", block).get("type") == "result"
    bob.write(f"ann@{A}", "hello?", "m1")
    refused = bob.until(lambda e: e.get("id") == "m1")
    assert condition(refused) == "service-unavailable"


def test_a_component_is_a_part_of_the_server(town: Town):
    """XEP-0114 with slixmpp's own component: an echo, for people here and on the other server."""
    component = '[[xmpp.components]]\ndomain = "echo.alpha.example"\nsecret = "quite-a-secret"'
    listen = f'listen_component = ["{HOST}:0"]'
    alpha = town.open(A, "ann", xmpp=listen, more=component)
    alpha.secrets.add("quite-a-secret")
    town.open(B, "bob")
    town.names.lead("echo.alpha.example", alpha.ports["server"])
    ann = town.client(f"ann@{A}")
    ann.write("x@echo.alpha.example", "too early", "m0")
    refused = ann.until(lambda e: e.get("id") == "m0")
    assert condition(refused) == "service-unavailable"
    with echo_bot("echo.alpha.example", "quite-a-secret", alpha.ports["component"]) as bot:
        ann.write("x@echo.alpha.example", "one")
        assert ann.message("one").get("from") == "x@echo.alpha.example"
        second = echo_bot("echo.alpha.example", "quite-a-secret", alpha.ports["component"])
        with pytest.raises(AssertionError, match="conflict"), second:
            pass
        wrong = echo_bot("echo.alpha.example", "a-wrong-one", alpha.ports["component"])
        with pytest.raises(AssertionError, match="not-authorized"), wrong:
            pass
        ann.write("x@echo.alpha.example", "two")
        assert ann.message("two") is not None
        assert bot.poll() is None
