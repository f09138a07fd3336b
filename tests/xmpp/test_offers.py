"""XEP-0144: contacts that the server offers."""

import pytest

from clarion.core.archive import PageQuery
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.ids import FIRST, LAST
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.roster_offers import roster_offers
from clarion.xmpp.offers import GROUPS_LIMIT, NS, OFFER_LIMIT, OfferKind, offer
from fakes.household import DOMAIN, Household, household
from fakes.world import world

ITEM = f"{{{NS}}}x/{{{NS}}}item"


async def stored(house: Household) -> list[bytes]:
    page = await house.services.archive.page(
        house.person("ann").number, PageQuery(None, None, FIRST, LAST, 10)
    )
    return [item.stanza for item in page.items]


async def test_an_offer_reaches_who_is_here_with_a_list_and_a_text():
    async with household(roster_offers) as house:
        directory = house.services.directory
        await directory.change_person(f"bob@{DOMAIN}", name="Bob <B>")
        await directory.add_department(f"sales@{DOMAIN}", "R&D")
        await directory.join(f"bob@{DOMAIN}", f"sales@{DOMAIN}")
        ann = await house.log_in("ann")
        await offer(house.services, house.person("ann"), [house.person("bob"), house.person("cai")])
        (came,) = ann.line.take()
        message = parse(came, CLIENT)
        assert message.get("from") == DOMAIN
        assert message.findtext(f"{{{CLIENT}}}body") == (
            f"Please add these contacts:\nBob <B> <xmpp:bob@{DOMAIN}>\ncai <xmpp:cai@{DOMAIN}>"
        )
        bob, cai = message.findall(ITEM)
        assert bob.attrib == {"action": "add", "jid": f"bob@{DOMAIN}", "name": "Bob <B>"}
        assert [group.text for group in bob] == ["R&D"]
        assert cai.attrib == {"action": "add", "jid": f"cai@{DOMAIN}", "name": "cai"}
        assert list(cai) == []


@pytest.mark.parametrize("kind", list(OfferKind))
async def test_an_offer_is_of_one_kind(kind: OfferKind):
    async with household(roster_offers) as house:
        ann = await house.log_in("ann")
        await offer(house.services, house.person("ann"), [house.person("bob")], kind)
        (came,) = ann.line.take()
        assert [item.get("action") for item in parse(came, CLIENT).findall(ITEM)] == [kind]


async def test_an_offer_waits_for_who_is_away():
    async with world("ann", "bob") as here:
        people = [here.directory.person(f"{name}@{DOMAIN}") for name in ("ann", "bob")]
        assert people[0] is not None
        assert people[1] is not None
        await offer(here.services, people[0], [people[1]])
        ann = await here.log_in("ann")
        await ann.send("<presence/>")
        await here.settle()
        (message,) = [one for one in ann.read() if one.tag == f"{{{CLIENT}}}message"]
        assert message.find(ITEM) is not None


async def test_everybody_is_offered_once_and_nobody_to_themselves():
    async with household(roster_offers) as house:
        ann = await house.log_in("ann")
        await offer(
            house.services,
            house.person("ann"),
            [house.person("bob"), house.person("ann"), house.person("bob")],
        )
        (came,) = ann.line.take()
        jids = [item.get("jid") for item in parse(came, CLIENT).findall(ITEM)]
        assert jids == [f"bob@{DOMAIN}"]


async def test_what_cannot_be_offered():
    async with household(roster_offers) as house:
        ann, bob = house.person("ann"), house.person("bob")
        with pytest.raises(UsageError, match="nobody is left"):
            await offer(house.services, ann, [ann])
        with pytest.raises(UsageError, match="is disabled"):
            await offer(house.services, await house.services.directory.disable(bob.address), [ann])
        many = [
            await house.services.directory.add_person(f"p{number}@{DOMAIN}")
            for number in range(OFFER_LIMIT + 1)
        ]
        with pytest.raises(UsageError, match=f"at most {OFFER_LIMIT}"):
            await offer(house.services, ann, many)
        await offer(house.services, ann, many[:-1])
        assert len(await stored(house)) == 1


async def test_nothing_is_sent_that_is_not_kept():
    async with household(roster_offers) as house:
        ann = await house.log_in("ann")
        house.database.fail_next(UnavailableError("the disk is full"))
        with pytest.raises(UnavailableError):
            await offer(house.services, house.person("ann"), [house.person("bob")])
        assert ann.line.take() == []


async def test_whoever_cannot_answer_is_not_offered_but_may_be_taken_away():
    async with household(roster_offers) as house:
        ann = house.person("ann")
        bob = await house.services.directory.disable(f"bob@{DOMAIN}")
        with pytest.raises(UsageError, match=r"^bob@.*is disabled"):
            await offer(house.services, ann, [bob])
        await offer(house.services, ann, [bob], OfferKind.DELETE)
        assert len(await stored(house)) == 1


async def groups(house: Household, kind: OfferKind) -> list[str | None]:
    ann = house.person("ann")
    await offer(house.services, ann, [house.person("bob")], kind)
    (item,) = parse((await stored(house))[-1], CLIENT).findall(ITEM)
    return [group.text for group in item]


async def test_groups_are_those_of_the_departments_up_to_a_limit():
    async with household(roster_offers) as house:
        directory = house.services.directory
        for number in range(GROUPS_LIMIT + 1):
            await directory.add_department(f"d{number:02}@{DOMAIN}")
            await directory.join(f"bob@{DOMAIN}", f"d{number:02}@{DOMAIN}")
        expected = [f"d{number:02}" for number in range(GROUPS_LIMIT)]
        assert await groups(house, OfferKind.ADD) == expected
        assert await groups(house, OfferKind.MODIFY) == expected


async def test_who_is_to_go_goes_from_all_groups():
    """With a group, clients delete from that one only (section 3.2)."""
    async with household(roster_offers) as house:
        directory = house.services.directory
        await directory.add_department(f"sales@{DOMAIN}")
        await directory.join(f"bob@{DOMAIN}", f"sales@{DOMAIN}")
        assert await groups(house, OfferKind.DELETE) == []
