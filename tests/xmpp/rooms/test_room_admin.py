"""Who may see which list, and avatars that are none; the rest is in the talks."""

from base64 import b64encode
from xml.etree.ElementTree import Element

import pytest

from clarion.core.room_book import AVATAR_LIMIT_BYTES
from clarion.core.rooms import Affiliated, Affiliation, RoomConfig, Whom
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"coven@{ROOMS}"
MUC = "http://jabber.org/protocol/muc"
PEOPLE = {
    "ann": Affiliation.OWNER,
    "bob": Affiliation.ADMIN,
    "cai": Affiliation.MEMBER,
    "dan": Affiliation.NONE,
    "eve": Affiliation.OUTCAST,
}


async def made(here: World, **config: object) -> None:
    given = [
        Affiliated(f"{name}@{DOMAIN}", what)
        for name, what in PEOPLE.items()
        if what is not Affiliation.NONE
    ]
    await here.book.create(ROOM, RoomConfig(persistent=True, **config), given)  # type: ignore[arg-type]  # settings by name


async def ask(client: FakeClient, kind: str, payload: str) -> Element:
    client.read()
    await client.send(f"<iq type='{kind}' id='q' to='{ROOM}'>{payload}</iq>")
    (answer,) = [one for one in client.read() if one.tag.endswith("}iq")]
    return answer


async def sees(client: FakeClient, affiliation: str) -> bool:
    item = f"<item affiliation='{affiliation}'/>"
    answer = await ask(client, "get", f"<query xmlns='{MUC}#admin'>{item}</query>")
    return answer.get("type") == "result"


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ({}, {"ann": "oamx", "bob": "oamx", "cai": "oam", "dan": "", "dan inside": "oam"}),
        (
            {"members_list": Whom.PARTICIPANTS, "moderated": True},
            {"cai": "oam", "dan": "", "dan inside": ""},
        ),
        (
            {"members_list": Whom.MODERATORS},
            {"ann": "oamx", "bob": "oamx", "cai": "", "dan inside": ""},
        ),
        ({"members_list": Whom.NONE}, {"bob": "oamx", "cai": ""}),
        # 9.5, 10.5 and 10.8: where addresses are hidden, lists of them are too
        (
            {"whois": Whom.MODERATORS},
            {"ann": "oamx", "bob": "mx", "cai": "", "dan": "", "dan inside": ""},
        ),
    ],
)
async def test_lists_are_for_those_who_may_know(config: dict[str, object], seen: dict[str, str]):
    words = {"o": "owner", "a": "admin", "m": "member", "x": "outcast"}
    async with world(*PEOPLE) as here:
        await made(here, **config)
        for who, wanted in seen.items():
            name, _, inside = who.partition(" ")
            client = await here.log_in(name, f"r{len(who)}")
            if inside:
                await client.send(f"<presence to='{ROOM}/{name}'><x xmlns='{MUC}'/></presence>")
            got = "".join([key for key, word in words.items() if await sees(client, word)])
            assert got == wanted, who


async def test_administrators_of_the_organisation_own_what_nobody_owns():
    async with world(*PEOPLE) as here:
        await made(here)
        await here.directory.change_person(f"dan@{DOMAIN}", admin=True)
        dan = await here.log_in("dan")
        item = f"<item affiliation='owner' jid='dan@{DOMAIN}'/>"
        crown = f"<query xmlns='{MUC}#admin'>{item}</query>"
        assert (await ask(dan, "set", crown)).get("type") == "error"
        await here.directory.delete(f"ann@{DOMAIN}")
        await here.settle()
        assert (await ask(dan, "set", crown)).get("type") == "result"
        room = here.book.get(ROOM)
        assert room is not None
        assert room.affiliation(f"dan@{DOMAIN}") is Affiliation.OWNER


@pytest.mark.parametrize("size", [AVATAR_LIMIT_BYTES, AVATAR_LIMIT_BYTES + 1, 180_000])
async def test_an_avatar_has_a_limit(size: int):
    async with world(*PEOPLE) as here:
        await made(here)
        ann = await here.log_in("ann")
        picture = b64encode(bytes(size)).decode()
        photo = f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{picture}</BINVAL></PHOTO>"
        answer = await ask(ann, "set", f"<vCard xmlns='vcard-temp'>{photo}</vCard>")
        fits = size <= AVATAR_LIMIT_BYTES
        assert answer.get("type") == ("result" if fits else "error")
        room = here.book.get(ROOM)
        assert room is not None
        assert (room.avatar is not None) is fits


async def test_a_whole_domain_can_only_be_banned():
    async with world(*PEOPLE) as here:
        await made(here)
        ann = await here.log_in("ann")
        for word, kind in (("member", "error"), ("outcast", "result")):
            item = f"<item affiliation='{word}' jid='elsewhere.example'/>"
            answer = await ask(ann, "set", f"<query xmlns='{MUC}#admin'>{item}</query>")
            assert answer.get("type") == kind
