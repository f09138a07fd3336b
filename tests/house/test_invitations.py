"""Somebody is invited, and makes an account with the link (XEP-0401, XEP-0445)."""

import json
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from house.premises import Premises, Way, address, clarion
from house.raw_client import RawClient, RefusedError

PASSWORD = "zoe-chose-this-herself"


def run(house: Premises, *arguments: str) -> Any:
    done = clarion("person", *arguments, "--json", "--config", str(house.config))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def asked(client: RawClient, payload: str) -> Element:
    client.send(f"<iq type='set' id='q'>{payload}</iq>")
    return client.until(lambda one: one.get("id") == "q")


def preauth(token: str) -> str:
    return f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>"


def wish(local: str, password: str = PASSWORD) -> str:
    return (
        f"<query xmlns='jabber:iq:register'><username>{local}</username>"
        f"<password>{password}</password></query>"
    )


def secured(house: Premises, way: Way) -> RawClient:
    client = house.connect(way)
    client.open()
    return client


@pytest.mark.parametrize(("way", "local"), [("starttls", "zoe"), ("tls", "zac")])
def test_the_invited_make_their_account_and_nobody_else_does(house: Premises, way: Way, local: str):
    house.secrets.add(PASSWORD)
    house.ask("department.add", department=f"Team {local}")
    made = run(
        house, "invite", address(local), "--name", "Z", "--department", f"Team {local}",
        "--days", "3",
    )  # fmt: skip
    start, _, token = made["uri"].partition(";preauth=")
    assert start == f"xmpp:{address(local)}?register"
    house.secrets.add(token)
    assert [one["id"] for one in run(house, "invitations")] == [made["id"]]
    with secured(house, way) as thief:
        assert asked(thief, wish(local)).get("type") == "error"
        assert asked(thief, preauth("wrong")).get("type") == "error"
    with secured(house, way) as client:
        assert asked(client, preauth(token)).get("type") == "result"
        assert asked(client, wish("other")).get("type") == "error"
        assert asked(client, wish(local)).get("type") == "result"
    person = run(house, "show", address(local))
    assert (person["name"], person["password"]) == ("Z", True)
    assert [one["name"] for one in person["departments"]] == [f"Team {local}"]
    with house.connect(way) as client:
        client.log_in(local, PASSWORD)
        client.bind()
        client.ping()
    with secured(house, way) as late:
        answer = asked(late, preauth(token))
        assert "used already" in "".join(answer.itertext())
    assert run(house, "invitations") == []


def test_an_invitation_outlives_the_server_and_one_that_is_withdrawn_does_not(empty: Premises):
    house = empty
    house.furnish()
    house.secrets.add(PASSWORD)
    # Without a server, and without a name.
    kept, gone = run(house, "invite"), run(house, "invite")
    house.start()
    assert run(house, "invitations", "--withdraw", gone["id"])["id"] == gone["id"]
    tokens = [one["uri"].partition(";preauth=")[2] for one in (kept, gone)]
    house.secrets.update(tokens)
    with secured(house, "starttls") as client:
        assert asked(client, preauth(tokens[1])).get("type") == "error"
        assert asked(client, preauth(tokens[0])).get("type") == "result"
        assert asked(client, wish("zoe")).get("type") == "result"
    assert house.stop() == 0
    house.start()
    with secured(house, "starttls") as client:
        assert asked(client, preauth(tokens[0])).get("type") == "error"
    with house.connect("tls") as client, pytest.raises(RefusedError):
        client.log_in("zoe", "not-this-one")
    table = clarion("person", "invitations", "--config", str(house.config)).stdout
    assert "ID" in table
    assert house.stop() == 0
