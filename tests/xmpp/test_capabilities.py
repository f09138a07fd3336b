"""The server's own entity capabilities: one verification string, everywhere the same."""

from clarion.wire.xml import parse
from clarion.wire.xmpp.caps import INFO, TAG_C, parse_caps, parse_info
from clarion.wire.xmpp.forms import Field, Form, FormKind, type_field
from clarion.xmpp.ext import ALL
from clarion.xmpp.ext.capabilities import capabilities
from clarion.xmpp.ext.disco import disco
from clarion.xmpp.ext.ping import ping
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.services import CAPS_NODE
from fakes.household import DOMAIN, children_of, household
from fakes.world import world

FORM = Form(FormKind.RESULT, (type_field("urn:x"), Field("a", ("2", "1"))))


async def test_the_stream_feature_names_what_service_discovery_tells():
    async with household(disco, capabilities, ping) as house:
        feature = parse(house.services.features.stream_feature)
        assert feature.tag == TAG_C
        told = parse_caps(feature)
        assert (told.node, told.algorithm) == (CAPS_NODE, "sha-1")
        ann = await house.log_in("ann")
        plain = await ann.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN)
        by_node = await ann.ask("get", f"<query xmlns='{INFO}' node='{told.query_node}'/>", DOMAIN)
        (query,), (of_node,) = children_of(plain), children_of(by_node)
        assert of_node.get("node") == told.query_node
        assert parse_info(query) == parse_info(of_node)
        assert parse_info(query).ver() == told.ver
        assert "http://jabber.org/protocol/caps" in parse_info(query).features


async def test_a_string_that_is_not_current_is_no_node():
    async with household(disco, capabilities) as house:
        ann = await house.log_in("ann")
        for node in (f"{CAPS_NODE}#old", CAPS_NODE):
            asked = f"<query xmlns='{INFO}' node='{node}'/>"
            assert b"<item-not-found" in await ann.ask("get", asked, DOMAIN)


def test_features_identities_and_forms_change_the_string():
    base = Switchboard((disco, capabilities)).told()
    assert base.info.ver() != Switchboard((disco, capabilities, ping)).told().info.ver()
    assert base.info.ver() != Switchboard((disco, capabilities)).told((FORM,)).info.ver()
    assert base.info.ver() == Switchboard((capabilities, disco)).told().info.ver()


def test_the_whole_server_says_nothing_twice():
    info = Switchboard(ALL).told((FORM,)).info
    assert len(set(info.identities)) == len(info.identities)
    assert len(set(info.features)) == len(info.features)


async def test_a_client_finds_it_among_the_stream_features():
    async with world("ann") as here:
        client = await here.log_in("ann")
        await client.send(
            f"<iq type='get' id='d' to='{DOMAIN}'><query xmlns='{INFO}'"
            f" node='{here.services.features.caps_node}'/></iq>"
        )
        await here.settle()
        (answer,) = client.read()
        assert answer.get("type") == "result"
        assert here.services.features.stream_feature in here.door.ways("plain").rules.features
