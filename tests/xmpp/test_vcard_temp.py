"""XEP-0054."""

import pytest

from clarion.lib.errors import UnavailableError
from clarion.xmpp.ext.vcard_temp import vcard_temp
from clarion.xmpp.vcard import CARD_LIMIT_BYTES, NS
from fakes.household import DOMAIN, Client, children_of, household

GET = f"<vCard xmlns='{NS}'/>"
PHOTO = "<PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO>"


async def names(client: Client, to: str | None = None) -> list[str]:
    (card,) = children_of(await client.ask("get", GET, to))
    assert card.tag == f"{{{NS}}}vCard"
    return [child.tag.rpartition("}")[2] for child in card]


RULED = ["FN", "N", "EMAIL", "JABBERID", "TZ", "ORG"]


async def test_everybody_has_a_card_that_everybody_may_read():
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        assert await names(ann) == RULED
        assert await names(ann, f"bob@{DOMAIN}") == RULED


async def test_nobody_and_who_is_locked_out_have_none():
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        await house.services.directory.disable(f"bob@{DOMAIN}")
        for to in (f"bob@{DOMAIN}", f"nobody@{DOMAIN}"):
            assert b"<service-unavailable" in await ann.ask("get", GET, to)


async def test_what_a_person_adds_is_kept_whole_and_shown_to_all():
    async with household(vcard_temp) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        answer = await ann.ask("set", f"<vCard xmlns='{NS}'>{PHOTO}<URL>x</URL></vCard>")
        assert b"type='result'" in answer
        assert PHOTO.encode() in await bob.ask("get", GET, f"ann@{DOMAIN}")
        assert await names(bob, f"ann@{DOMAIN}") == [*RULED, "PHOTO", "URL"]
        # Section 3.2: the card is sent whole, so what is not there any more goes.
        await ann.ask("set", f"<vCard xmlns='{NS}'><URL>x</URL></vCard>")
        assert await names(bob, f"ann@{DOMAIN}") == [*RULED, "URL"]
        await ann.ask("set", GET)
        assert await names(bob, f"ann@{DOMAIN}") == RULED


async def test_a_client_may_send_back_what_it_got_with_a_picture():
    async with household(vcard_temp) as house:
        await house.services.directory.change_person(f"ann@{DOMAIN}", phone="+49 30 123456")
        ann = await house.log_in("ann")
        got = (await ann.ask("get", GET)).decode()
        card = got[got.index("<vCard") : got.index("</vCard>")]
        assert b"type='result'" in await ann.ask("set", f"{card}{PHOTO}</vCard>")
        assert await names(ann) == ["FN", "N", "TEL", "EMAIL", "JABBERID", "TZ", "ORG", "PHOTO"]


async def test_what_the_directory_says_nobody_else_changes():
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("set", f"<vCard xmlns='{NS}'>{PHOTO}<FN>Queen</FN></vCard>")
        assert b"<error type='cancel'><not-allowed" in answer
        assert b"FN: the organisation&apos;s directory says this of you" in answer
        assert await names(ann) == RULED


@pytest.mark.parametrize("to", [f"bob@{DOMAIN}", f"nobody@{DOMAIN}", DOMAIN])
async def test_a_card_is_its_owner_s_alone(to: str):
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("set", f"<vCard xmlns='{NS}'>{PHOTO}</vCard>", to)
        assert b"<error type='auth'><forbidden" in answer


async def test_a_card_may_be_so_large_and_no_larger():
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        space = CARD_LIMIT_BYTES - len("<DESC></DESC>")
        for size, taken in ((space, True), (space + 1, False)):
            answer = await ann.ask("set", f"<vCard xmlns='{NS}'><DESC>{'x' * size}</DESC></vCard>")
            assert (b"type='result'" in answer) is taken
        assert b"<error type='modify'><policy-violation" in answer


async def test_a_store_that_cannot_keep_it_says_so():
    async with household(vcard_temp) as house:
        ann = await house.log_in("ann")
        house.database.fail_next(UnavailableError("the disk is full"))
        answer = await ann.ask("set", f"<vCard xmlns='{NS}'>{PHOTO}</vCard>")
        assert b"<error type='wait'>" in answer
        assert await names(ann) == RULED
