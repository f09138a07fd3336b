"""XEP-0359: ids that are ours alone to give, and messages sent again."""

from clarion.core.archive import PageQuery
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import FIRST, LAST
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stamps import ORIGIN_ID, SID, STANZA_ID
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, Client, Household, household

ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"
EVERYTHING = PageQuery(None, None, FIRST, LAST, 100)


def message(inner: str = "", to: str = BOB) -> str:
    return f"<message to='{to}' type='chat' id='m1'><body>hi</body>{inner}</message>"


def origin(name: str) -> str:
    return f"<origin-id xmlns='{SID}' id='{name}'/>"


async def both(house: Household) -> tuple[Client, Client]:
    ann, bob = await house.log_in("ann"), await house.log_in("bob")
    await bob.context.entity.catch_up(bob.session)
    return ann, bob


async def test_the_recipient_gets_the_id_of_its_archive() -> None:
    async with household(stanza_ids) as house:
        ann, bob = await both(house)
        await ann.say(message())
        (raw,) = bob.line.take()
        (given,) = parse(raw, CLIENT).findall(STANZA_ID)
        (item,) = (await house.services.archive.page(house.person("bob").number, EVERYTHING)).items
        assert given.attrib == {"by": BOB, "id": house.services.seal.seal(item.id)}
        assert STANZA_ID.encode() not in item.stanza


async def test_ids_that_a_client_gives_in_our_name_are_cut_and_others_stay() -> None:
    async with household(stanza_ids) as house:
        ann, bob = await both(house)
        named = (BOB, ANN, DOMAIN, f"room@rooms.{DOMAIN}")
        forged = "".join(f"<stanza-id xmlns='{SID}' by='{by}' id='forged'/>" for by in named)
        await ann.say(message(forged + origin("o1")))
        (raw,) = bob.line.take()
        tree = parse(raw, CLIENT)
        ids = [(given.get("by"), given.get("id") == "forged") for given in tree.findall(STANZA_ID)]
        assert ids == [(f"room@rooms.{DOMAIN}", True), (BOB, False)]
        assert [given.attrib for given in tree.findall(ORIGIN_ID)] == [{"id": "o1"}]


async def test_a_message_sent_again_is_kept_and_delivered_once() -> None:
    async with household(stanza_ids) as house:
        ann, bob = await both(house)
        for _ in range(3):
            await ann.say(message(origin("o1")))
        assert len(bob.line.take()) == 1
        page = await house.services.archive.page(house.person("bob").number, EVERYTHING)
        assert len(page.items) == 1


async def test_one_origin_id_to_two_people_is_two_messages() -> None:
    async with household(stanza_ids) as house:
        ann, bob = await both(house)
        await ann.say(message(origin("o1")))
        await ann.say(message(origin("o1"), CAI))
        await ann.say(message(origin("o2")))
        assert len(bob.line.take()) == 2
        page = await house.services.archive.page(house.person("ann").number, EVERYTHING)
        assert len(page.items) == 3


async def test_it_is_known_after_the_server_began_anew() -> None:
    async with household(stanza_ids) as house:
        ann, bob = await both(house)
        await ann.say(message(origin("o1")))
        bob.line.take()
        entity = ann.context.entity
        entity.sent, entity.knows_sent = type(entity.sent)(), False
        await ann.say(message(origin("o1")))
        assert bob.line.take() == []


async def test_what_could_not_be_kept_is_new_when_it_is_sent_again() -> None:
    async with household(stanza_ids) as house:
        ann, _ = await both(house)
        house.database.fail_next(UnavailableError("the store is full"))
        (answer,) = await ann.say(message(origin("o1")))
        assert b"<resource-constraint" in answer
        assert await ann.say(message(origin("o1"))) == []
        page = await house.services.archive.page(house.person("bob").number, EVERYTHING)
        assert len(page.items) == 1
