"""XEP-0030."""

import pytest

from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.disco import INFO, ITEMS, disco
from clarion.xmpp.ext.offline import offline
from clarion.xmpp.ext.ping import ping
from clarion.xmpp.ext.stanza_ids import stanza_ids
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
