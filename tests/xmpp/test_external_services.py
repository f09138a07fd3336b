"""XEP-0215: what clients are told of STUN and TURN servers, and when."""

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest

from clarion.config.load import ConfigError, from_mapping
from clarion.core.events import PoliciesChanged
from clarion.wire.xmpp.external_services import limited
from fakes.world import DOMAIN, FakeClient, World, world

NS = "urn:xmpp:extdisco:2"
STUN = {"type": "stun", "host": "stun.corp.example"}
FIXED = {"type": "turn", "host": "192.0.2.7", "port": 3479, "username": "u", "password": "p'"}
TIMED = {"type": "turns", "host": "turn.corp.example", "transport": "tcp", "secret": "hush"}


def config(*services: dict[str, Any]):
    return from_mapping({"xmpp": {"services": list(services)}}, Path("/etc/clarion"))


def told(here: World, *services: dict[str, Any]) -> None:
    external = here.services.external
    assert external is not None
    external.take_policies(PoliciesChanged(config(*services), ("xmpp.services",)))


async def asked(client: FakeClient, inner: str) -> Any:
    await client.send(f"<iq type='get' id='q' to='{DOMAIN}'>{inner}</iq>")
    return client.read()[-1]


def listed(iq: Any) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in iq.iter(f"{{{NS}}}service")]


async def test_it_is_a_feature_of_the_server():
    async with world("ann") as here:
        assert NS in here.services.features.server
        ann = await here.log_in("ann")
        answer = await asked(ann, f"<services xmlns='{NS}'/>")
        assert (answer.get("type"), listed(answer)) == ("result", [])


async def test_all_are_listed_with_what_they_need():
    async with world("ann") as here:
        told(here, STUN, FIXED, TIMED)
        ann = await here.log_in("ann")
        stun, fixed, timed = listed(await asked(ann, f"<services xmlns='{NS}'/>"))
        assert stun == {**STUN, "port": "3478", "transport": "udp"}
        assert fixed == {**FIXED, "port": "3479", "transport": "udp"}
        until = int(here.clock.wall()) + 86_400
        assert timed["username"] == f"{until}:ann"
        proof = hmac.digest(b"hush", timed["username"].encode(), hashlib.sha1)
        assert timed["password"] == base64.b64encode(proof).decode()
        assert timed["expires"] == "2025-06-16T15:06:40.000Z"


def test_a_log_in_is_what_coturn_expects():
    # printf 1433895918:jdoe | openssl dgst -sha1 -hmac north -binary | base64
    assert limited("north", "jdoe", 1433895918) == (
        "1433895918:jdoe",
        "Ksg+oNV2CpG5cEjnAoazp80e83c=",
    )


async def test_one_type_is_listed():
    async with world("ann") as here:
        told(here, STUN, FIXED)
        ann = await here.log_in("ann")
        answer = await asked(ann, f"<services xmlns='{NS}' type='turn'/>")
        assert answer[0].get("type") == "turn"
        assert [one["host"] for one in listed(answer)] == ["192.0.2.7"]


async def test_credentials_of_one():
    async with world("ann") as here:
        told(here, STUN, FIXED, {**FIXED, "port": 5349})
        ann = await here.log_in("ann")
        wanted = "<credentials xmlns='{}'><service host='192.0.2.7' type='turn'{}/></credentials>"
        both = listed(await asked(ann, wanted.format(NS, "")))
        assert [(one["port"], one["password"]) for one in both] == [("3479", "p'"), ("5349", "p'")]
        one = listed(await asked(ann, wanted.format(NS, " port='5349'")))
        assert [found["port"] for found in one] == ["5349"]


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        ("<service host='stun.corp.example' type='stun'/>", "item-not-found"),
        ("<service host='other.example' type='turn'/>", "item-not-found"),
        ("<service host='192.0.2.7'/>", "bad-request"),
        ("", "bad-request"),
    ],
)
async def test_no_credentials(inner: str, condition: str):
    async with world("ann") as here:
        told(here, STUN, FIXED)
        ann = await here.log_in("ann")
        answer = await asked(ann, f"<credentials xmlns='{NS}'>{inner}</credentials>")
        assert answer.find(f".//{{urn:ietf:params:xml:ns:xmpp-stanzas}}{condition}") is not None


async def test_who_asked_hears_of_changes():
    async with world("ann", "bob", "cai") as here:
        told(here, STUN, FIXED)
        ann, bob, cai = [await here.log_in(name) for name in ("ann", "bob", "cai")]
        await asked(ann, f"<services xmlns='{NS}' type='turn'/>")
        await asked(bob, f"<services xmlns='{NS}'/>")
        for client in (ann, bob, cai):
            client.read()
        told(here, {**FIXED, "password": "q"}, {**FIXED, "port": 99})
        await here.settle()
        (push,) = ann.read()
        assert (push.get("type"), push.get("from")) == ("set", DOMAIN)
        assert [(one["action"], one["port"]) for one in listed(push)] == [
            ("modify", "3479"),
            ("add", "99"),
        ]
        (push,) = bob.read()
        gone = listed(push)[-1]
        assert (gone["action"], gone["host"]) == ("delete", "stun.corp.example")
        assert cai.read() == []
        told(here, {**FIXED, "password": "q"}, {**FIXED, "port": 99})  # nothing has changed
        await ann.send("</stream:stream>")
        told(here, STUN)
        await here.settle()
        assert [one["action"] for one in listed(bob.read()[0])] == ["add", "delete", "delete"]


@pytest.mark.parametrize(
    ("service", "error"),
    [
        ({"type": "turn"}, "host: must be given"),
        ({**STUN, "username": "u"}, "password: username and password go together"),
        ({**FIXED, "secret": "s"}, "secret: goes without username and password"),
        ({**STUN, "port": 0}, "port: must be 1 to 65535"),
    ],
)
def test_what_cannot_be_configured(service: dict[str, Any], error: str):
    with pytest.raises(ConfigError) as caught:
        config(service)
    assert any(error in one for one in caught.value.errors), caught.value.errors
