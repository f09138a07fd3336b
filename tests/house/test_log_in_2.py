"""Logging in with SASL2: everything in one exchange, and with a token the next time."""

import ssl

import pytest

from house.client_2 import BIND2, FAST, SASL2, Token, log_in, log_in_fast, token_in
from house.premises import PASSWORDS, Premises, address
from house.raw_client import SM, STREAMS, RawClient, RefusedError, Way

ENDP = "HT-SHA-256-ENDP"
NONE = "HT-SHA-256-NONE"
CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"
MANAGED = f"<enable xmlns='{SM}' resume='true'/>"
BIND = f"<bind xmlns='{BIND2}'><tag>Raw</tag>{CARBONS}{MANAGED}</bind>"


def wanted(mechanism: str) -> str:
    return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>"


def fast_mechanisms(client: RawClient) -> list[str]:
    offered = client.features.find(f".//{{{FAST}}}fast")
    assert offered is not None
    return [e.text or "" for e in offered]


def features(client: RawClient) -> None:
    assert client.next().tag == f"{STREAMS}features"


@pytest.mark.parametrize("way", ["starttls", "tls", "plain"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_scram(house: Premises, way: Way, mechanism: str):
    with house.connect(way) as client:
        success = log_in(client, "ann", PASSWORDS["ann"], mechanism)
        assert success.findtext(f"{{{SASL2}}}authorization-identifier") == address("ann")
        features(client)
        client.bind("here")
        client.ping()
        client.leave()


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_channel_binding(house: Premises, way: Way):
    with house.connect(way) as client:
        log_in(
            client,
            "ann",
            PASSWORDS["ann"],
            "SCRAM-SHA-256-PLUS",
            binding="tls-server-end-point",
            wishes=BIND,
        )
        assert fast_mechanisms(client) == [ENDP, NONE]


def test_before_tls_it_is_not_offered(house: Premises):
    with house.connect("starttls") as client:
        client._header()
        assert client.features.find(f"{{{SASL2}}}authentication") is None


def test_a_wrong_password(house: Premises):
    house.secrets.add("not the password of anyone")
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in(client, "ann", "not the password of anyone", wishes=BIND)


def first_log_in(house: Premises, user: str, mechanism: str) -> tuple[Token, str, str]:
    """Log in with a password, bind, and lose the connection; token, full JID, ``<resume/>``."""
    with house.connect("tls") as client:
        success = log_in(
            client,
            user,
            PASSWORDS[user],
            "SCRAM-SHA-256-PLUS",
            binding="tls-server-end-point",
            wishes=BIND + wanted(mechanism),
        )
        features(client)
        full = success.findtext(f"{{{SASL2}}}authorization-identifier", "")
        assert full.startswith(f"{address(user)}/Raw/")
        bound = success.find(f"{{{BIND2}}}bound")
        assert bound is not None
        assert bound.find("{urn:xmpp:mam:2}metadata") is not None
        enabled = bound.find(f"{{{SM}}}enabled")
        assert enabled is not None
        client.managed = True
        client.send("<presence/>")
        client.ping()
        token = token_in(success, mechanism)
        house.secrets.add(token.text)
        previous = enabled.get("id", "")
        return token, full, f"<resume xmlns='{SM}' previd='{previous}' h='{client.handled}'/>"


def test_a_token_resumes_and_dies_with_the_password(house: Premises):
    token, full, resume = first_log_in(house, "bob", ENDP)

    with house.client("ann") as ann:
        ann.write(full, "while you were away", "m1")
        ann.ping()
    with house.connect("tls") as client:
        client.answers = False
        success = log_in_fast(
            client, "bob", token, binding="tls-server-end-point", wishes=resume + BIND
        )
        assert success.find(f"{{{SM}}}resumed") is not None
        assert success.find(f"{{{BIND2}}}bound") is None
        client.message("while you were away")
        client.ping()
    # What is kept is not the token.
    ((kept,),) = house.rows("SELECT hashed FROM token WHERE mechanism = ?", (ENDP,))
    assert token.text.encode() not in kept

    # A token is good for its mechanism only, and for a client of TLS as it is.
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in_fast(client, "bob", Token(token.text, NONE))

    # Without a session to resume a resource is bound; the same client has the same one.
    with house.connect("tls", newest=ssl.TLSVersion.TLSv1_2) as client:
        gone = f"<resume xmlns='{SM}' previd='gone' h='0'/>"
        success = log_in_fast(
            client, "bob", token, binding="tls-server-end-point", wishes=gone + BIND
        )
        assert success.find(f"{{{SM}}}failed") is not None
        assert success.findtext(f"{{{SASL2}}}authorization-identifier") == full

    house.ask("person.password", address=address("bob"), password="bob-has-another-one")
    house.secrets.add("bob-has-another-one")
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in_fast(client, "bob", token, binding="tls-server-end-point")
    assert house.rows("SELECT client FROM token") == []
    house.ask("person.password", address=address("bob"), password=PASSWORDS["bob"])


def test_copies_come_from_the_start(house: Premises):
    with house.client("bob", resource="desk") as desk, house.connect("tls") as phone:
        log_in(phone, "bob", PASSWORDS["bob"], wishes=BIND)
        features(phone)
        desk.write(address("ann"), "a copy for the telephone", "c1")
        phone.until(lambda e: e.find("{urn:xmpp:carbons:2}sent") is not None)


def test_disabled_people_lose_their_tokens(house: Premises):
    token, _, _ = first_log_in(house, "cai", NONE)
    house.ask("person.disable", address=address("cai"))
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in_fast(client, "cai", token)
    house.ask("person.enable", address=address("cai"))
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in_fast(client, "cai", token)
