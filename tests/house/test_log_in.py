"""Logging in over each way, with each mechanism and each channel binding."""

import ssl

import pytest

from house.premises import PASSWORDS, Premises
from house.raw_client import RawClient, RefusedError, Way

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def log_in(client: RawClient, mechanism: str, **more: object) -> None:
    client.log_in("ann", PASSWORDS["ann"], mechanism, **more)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("way", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
def test_mechanisms_under_tls(house: Premises, way: Way, mechanism: str):
    with house.connect(way) as client:
        log_in(client, mechanism)
        assert client.bind("here") == "ann@house.example/here"
        client.ping()
        client.leave()


def test_starttls_comes_first(house: Premises):
    with house.connect("starttls") as client:
        client._header()
        assert client.mechanisms == []
        with pytest.raises(RefusedError, match="encryption-required"):
            log_in(client, "PLAIN")


@pytest.mark.parametrize(("way", "mechanism"), [("plain", "PLAIN"), ("plain", "SCRAM-SHA-256")])
def test_listen_plain(house: Premises, way: Way, mechanism: str):
    with house.connect(way) as client:
        client.open()
        assert "PLAIN" in client.mechanisms
        assert not any(name.endswith("-PLUS") for name in client.mechanisms)
        log_in(client, mechanism)
        client.bind()
        client.ping()


@pytest.mark.parametrize("way", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
@pytest.mark.parametrize(
    ("newest", "binding"),
    [
        (TLS13, "tls-server-end-point"),
        (TLS12, "tls-server-end-point"),
        (TLS12, "tls-unique"),
    ],
)
def test_channel_binding(
    house: Premises, way: Way, mechanism: str, newest: ssl.TLSVersion, binding: str
):
    with house.connect(way, newest=newest) as client:
        client.open()
        assert isinstance(client.socket, ssl.SSLSocket)
        assert client.socket.version() == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[newest]
        unique = {"tls-unique"} if newest is TLS12 else set()
        assert set(client.bindings) == {"tls-server-end-point"} | unique
        assert mechanism in client.mechanisms
        log_in(client, mechanism, binding=binding)
        client.bind()
        client.ping()


@pytest.mark.parametrize("newest", [TLS12, TLS13])
@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_wrong_binding_is_refused(house: Premises, way: Way, newest: ssl.TLSVersion):
    with house.connect(way, newest=newest) as client:
        with pytest.raises(RefusedError, match="not-authorized"):
            log_in(
                client,
                "SCRAM-SHA-256-PLUS",
                binding="tls-server-end-point",
                binding_data=b"of another connection, 32 bytes.",
            )
        log_in(client, "SCRAM-SHA-256-PLUS", binding="tls-server-end-point")  # the right one goes
        client.bind()


def test_a_client_that_did_not_see_the_offer_is_refused(house: Premises):
    # Somebody between us and the server struck the -PLUS mechanisms out (RFC 5802 section 6).
    with house.connect("starttls") as client, pytest.raises(RefusedError, match="not-authorized"):
        log_in(client, "SCRAM-SHA-256", flag="y")


def test_a_binding_that_this_tls_does_not_have_is_refused(house: Premises):
    with house.connect("tls", newest=TLS13) as client, pytest.raises(RefusedError):
        log_in(client, "SCRAM-SHA-256-PLUS", binding="tls-unique", binding_data=b"guessed")


def test_y_is_right_where_nothing_was_offered(house: Premises):
    with house.connect("plain") as client:
        log_in(client, "SCRAM-SHA-256", flag="y")
        client.bind()


def test_alpn(house: Premises):
    with house.connect("tls") as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        assert client.socket.selected_alpn_protocol() == "xmpp-client"


@pytest.mark.parametrize("user", ["ann", "nobody"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_a_wrong_password_and_an_unknown_name_look_alike(
    house: Premises, user: str, mechanism: str
):
    house.secrets.add("not the password of anyone")
    with house.connect("tls") as client, pytest.raises(RefusedError, match="not-authorized"):
        client.log_in(user, "not the password of anyone", mechanism)
