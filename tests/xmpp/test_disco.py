"""XEP-0030."""

from xml.etree.ElementTree import Element

import pytest

from clarion.wire.xmpp.caps import Identity
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.disco import INFO, ITEMS, disco
from clarion.xmpp.ext.offline import offline
from clarion.xmpp.ext.ping import ping
from clarion.xmpp.ext.stanza_ids import stanza_ids
from clarion.xmpp.extension import At, Card, Extension
from fakes.household import DOMAIN, children_of, household

EXTENSIONS = (disco, ping, offline, delay, stanza_ids)
BOB = f"bob@{DOMAIN}"


def told(answer: bytes):
    """Return identities and features, in order."""
    (query,) = children_of(answer)
    assert query.tag == f"{{{INFO}}}query"
    identities = [dict(child.attrib) for child in query if child.tag.endswith("identity")]
    return identities, [child.get("var") for child in query if child.tag.endswith("feature")]


async def test_the_server_tells_every_feature_in_order():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        identities, features = told(await ann.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN))
        assert identities == [{"category": "server", "type": "im", "name": "Clarion"}]
        assert features == sorted([INFO, ITEMS, "msgoffline", "urn:xmpp:delay", "urn:xmpp:ping"])


@pytest.mark.parametrize("to", [None, f"ann@{DOMAIN}"])
async def test_ones_own_account_tells_its_features(to: str | None):
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        identities, features = told(await ann.ask("get", f"<query xmlns='{INFO}'/>", to))
        assert identities == [{"category": "account", "type": "registered"}]
        assert features == sorted(
            [INFO, ITEMS, "urn:xmpp:delay", "urn:xmpp:ping", "urn:xmpp:sid:0"]
        )


@pytest.mark.parametrize("subscription", ["from", "both"])
async def test_a_contact_who_shows_presence_shows_features_too(subscription: str):
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", subscription)
        identities, _ = told(await ann.ask("get", f"<query xmlns='{INFO}'/>", BOB))
        assert identities == [{"category": "account", "type": "registered"}]


@pytest.mark.parametrize("subscription", [None, "none", "to"])
async def test_who_may_not_see_presence_is_told_nothing(subscription: str | None):
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        if subscription is not None:
            await house.contacts("bob", "ann", subscription)
        answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", BOB)
        assert b"<service-unavailable" in answer
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}' node='x'/>", BOB))
        assert query.tag == f"{{{ITEMS}}}query"
        assert query.attrib == {"node": "x"}
        assert list(query) == []


async def test_who_does_not_exist_or_is_locked_out_tells_no_features():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")
        await house.services.directory.disable(BOB)
        for to in (BOB, f"nobody@{DOMAIN}"):
            answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", to)
            assert b"<service-unavailable" in answer
            (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}'/>", to))
            assert (query.tag, list(query)) == (f"{{{ITEMS}}}query", [])


async def test_other_domains_cannot_be_reached():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", "bob@elsewhere.example")
        assert b"<remote-server-not-found" in answer


@pytest.mark.parametrize("namespace", [INFO, ITEMS])
@pytest.mark.parametrize("to", [None, DOMAIN, BOB])
async def test_there_are_no_nodes(namespace: str, to: str | None):
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")
        answer = await ann.ask("get", f"<query xmlns='{namespace}' node='a&lt;b'/>", to)
        assert b"<item-not-found" in answer


@pytest.mark.parametrize("to", [None, DOMAIN, BOB])
async def test_there_are_no_items_and_the_node_is_echoed(to: str | None):
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}' node=''/>", to))
        assert query.attrib == {"node": ""}
        assert list(query) == []


def with_nodes() -> Extension:
    """Return a feature that answers for nodes everywhere."""
    extra = Extension(
        Card(
            name="extra",
            spec="XEP-0001",
            title="",
            test="",
            identities=(Identity("pubsub", "service", "N<", "de"),),
            account_identities=(Identity("pubsub", "pep"),),
        )
    )
    places: tuple[At, ...] = ("server", "account", "contact")

    @extra.on_node("info", "known", at=places)
    def known(context: Context, stanza: Stanza, query: Element) -> bytes:
        return b"<feature var='of a node'/>"

    @extra.on_node("items", "*", at=places)
    async def other(context: Context, stanza: Stanza, query: Element) -> bytes | None:
        return None if query.get("node") == "gone" else b"<item jid='x' node='y'/>"

    @extra.on_node("items", "", at=places)
    def without(context: Context, stanza: Stanza, query: Element) -> bytes:
        return b"<item jid='x' node='known'/>"

    return extra


@pytest.mark.parametrize("to", [None, DOMAIN, BOB])
async def test_who_has_nodes_answers_for_them(to: str | None):
    async with household(*EXTENSIONS, with_nodes()) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")

        async def asked(namespace: str, node: str) -> bytes:
            return await ann.ask("get", f"<query xmlns='{namespace}'{node}/>", to)

        assert b"<feature var='of a node'/>" in await asked(INFO, " node='known'")
        assert b"<item-not-found" in await asked(INFO, " node='other'")
        assert b"<item jid='x' node='y'/>" in await asked(ITEMS, " node='other'")
        assert b"<item-not-found" in await asked(ITEMS, " node='gone'")
        assert b"<item jid='x' node='known'/>" in await asked(ITEMS, "")


async def test_strangers_are_told_of_no_nodes():
    async with household(*EXTENSIONS, with_nodes()) as house:
        ann = await house.log_in("ann")
        for node in ("", " node='other'"):
            (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}'{node}/>", BOB))
            assert list(query) == []
        answer = await ann.ask("get", f"<query xmlns='{INFO}' node='known'/>", BOB)
        assert b"<service-unavailable" in answer


async def test_features_add_identities():
    async with household(*EXTENSIONS, with_nodes()) as house:
        ann = await house.log_in("ann")
        identities, _ = told(await ann.ask("get", f"<query xmlns='{INFO}'/>", DOMAIN))
        assert identities[1] == {
            "category": "pubsub",
            "type": "service",
            "name": "N<",
            "{http://www.w3.org/XML/1998/namespace}lang": "de",
        }
        identities, _ = told(await ann.ask("get", f"<query xmlns='{INFO}'/>"))
        assert identities[1] == {"category": "pubsub", "type": "pep"}
