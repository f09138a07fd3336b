"""Where a stanza goes: RFC 6121 section 8.5, what is kept, and what is sent again."""

from xml.etree.ElementTree import Element

import pytest

from clarion.core.archive import PageQuery
from clarion.lib.ids import FIRST, LAST
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.offline import offline
from fakes.household import DOMAIN, Client, Household, household
from fakes.world import FakeClient, World, world

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
EXTENSIONS = (offline, delay)
SID = "urn:xmpp:sid:0"
MARKERS = "urn:xmpp:chat-markers:0"
STATES = "http://jabber.org/protocol/chatstates"
RECEIVED = "<received xmlns='urn:xmpp:receipts' id='x'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
STORE = "<store xmlns='urn:xmpp:hints'/>"


def message(kind: str = "chat", to: str | None = BOB, inner: str = "<body>hi</body>") -> str:
    address = "" if to is None else f" to='{to}'"
    return f"<message{address} type='{kind}' id='m'>{inner}</message>"


def origin(name: str) -> str:
    return f"<origin-id xmlns='{SID}' id='{name}'/>"


async def archived(house: Household | World, name: str) -> int:
    person = house.services.directory.person(f"{name}@{DOMAIN}")
    assert person is not None
    query = PageQuery(None, None, FIRST, LAST, 100)
    return len((await house.services.archive.page(person.number, query)).items)


def condition(told: list[bytes]) -> str | None:
    """Return the condition of the one error; ``None`` when nothing came."""
    assert len(told) <= 1
    for raw in told:
        error = parse(raw, CLIENT).find(f"{{{CLIENT}}}error")
        return "no error" if error is None else error[0].tag.rpartition("}")[2]
    return None


async def pair(house: Household) -> tuple[Client, Client]:
    ann, bob = await house.log_in("ann"), await house.log_in("bob")
    await bob.context.entity.catch_up(bob.session)
    return ann, bob


# -- to whom ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "to", "delivered", "told"),
    [
        # 8.5.2: the bare JID of somebody on line
        ("normal", BOB, True, None),
        ("chat", BOB, True, None),
        ("headline", BOB, True, None),
        ("unheard-of", BOB, True, None),
        ("error", BOB, False, None),
        ("groupchat", BOB, False, "service-unavailable"),
        # 8.5.3.1: a full JID that is there
        ("normal", f"{BOB}/phone", True, None),
        ("chat", f"{BOB}/phone", True, None),
        ("headline", f"{BOB}/phone", True, None),
        ("error", f"{BOB}/phone", True, None),
        ("groupchat", f"{BOB}/phone", True, None),
        # 8.5.3.2.1: a full JID that is not
        ("normal", f"{BOB}/gone", False, "service-unavailable"),
        ("chat", f"{BOB}/gone", True, None),
        ("headline", f"{BOB}/gone", False, None),
        ("error", f"{BOB}/gone", False, None),
        ("groupchat", f"{BOB}/gone", False, "service-unavailable"),
        # 8.5.1: nobody of that name; another server; the server itself
        ("chat", f"nobody@{DOMAIN}", False, "service-unavailable"),
        ("error", f"nobody@{DOMAIN}", False, None),
        ("chat", "bob@elsewhere.example", False, "remote-server-not-found"),
        ("chat", DOMAIN, False, "service-unavailable"),
        ("error", DOMAIN, False, None),
    ],
)
async def test_which_message_goes_where(kind: str, to: str, delivered: bool, told: str | None):
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        assert condition(await ann.say(message(kind, to))) == told
        assert len(bob.line.take()) == delivered


async def test_a_disabled_person_is_nobody():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await house.services.directory.disable(BOB)
        assert condition(await ann.say(message())) == "service-unavailable"
        assert await archived(house, "bob") == 0


async def test_without_an_address_a_message_is_for_oneself():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await ann.context.entity.catch_up(ann.session)
        (raw,) = await ann.say(message(to=None))
        assert parse(raw, CLIENT).get("to") == ANN
        assert await archived(house, "ann") == 1


# -- what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "inner", "kept"),
    [
        ("chat", "<body>hi</body>", True),
        ("normal", "<body>hi</body>", True),
        ("headline", "<body>hi</body>", False),
        ("chat", f"<body>hi</body>{NO_STORE}", False),
        ("chat", f"<composing xmlns='{STATES}'/>", False),
        ("chat", f"<composing xmlns='{STATES}'/><thread>t</thread>{origin('o')}", False),
        ("chat", STORE, True),
        ("chat", "", False),
        ("chat", RECEIVED, True),
        ("chat", f"<displayed xmlns='{MARKERS}' id='x'/>", True),
        ("chat", "<x xmlns='urn:some:thing'/>", True),
        ("normal", "<subject>hi</subject>", True),
    ],
)
async def test_what_is_worth_keeping(kind: str, inner: str, kept: bool):
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        assert await ann.say(message(kind, inner=inner)) == []
        assert len(bob.line.take()) == 1
        assert [await archived(house, name) for name in ("ann", "bob")] == [kept, kept]


# -- how it looks --------------------------------------------------------------------------------


async def received(ann: Client, bob: Client, raw: str) -> Element:
    assert await ann.say(raw) == []
    (stanza,) = bob.line.take()
    return parse(stanza, CLIENT)


async def test_nobody_writes_in_the_name_of_another_or_of_the_server():
    forged = f"<stanza-id xmlns='{SID}' by='{{}}' id='forged'/>"
    inner = "<body>hi</body>" + "".join(forged.format(by) for by in (BOB, ANN, DOMAIN, "cai@x.y"))
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        raw = message(inner=inner).replace("<message", "<message from='cai@corp.example/phone'")
        stanza = await received(ann, bob, raw)
        assert stanza.get("from") == f"{ANN}/phone"
        ids = [(e.get("by"), e.get("id") == "forged") for e in stanza.iter(f"{{{SID}}}stanza-id")]
        assert ids == [("cai@x.y", True), (BOB, False)]


async def test_marks_are_asked_for_where_they_make_sense():
    markable = f"{{{MARKERS}}}markable"
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        assert (await received(ann, bob, message())).find(markable) is not None
        twice = message(inner=f"<body>hi</body><markable xmlns='{MARKERS}'/>")
        assert len((await received(ann, bob, twice)).findall(markable)) == 1
        for raw in (
            message(inner=RECEIVED),
            message("headline"),
            message().replace(" id='m'", ""),
        ):
            assert (await received(ann, bob, raw)).find(markable) is None


async def test_the_streams_language_is_inherited():
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        ann.session.lang = "de"
        assert (await received(ann, bob, message())).get(lang) == "de"
        own = message().replace("<message", "<message xml:lang='en'")
        assert (await received(ann, bob, own)).get(lang) == "en"


# -- sent again -----------------------------------------------------------------------------------


async def test_what_is_sent_again_is_kept_and_delivered_once():
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        raw = message(inner=f"<body>hi</body>{origin('o1')}")
        for _ in range(3):
            assert await ann.say(raw) == []
        other = await house.log_in("ann", "desk")  # from another client of hers, after a restart
        other.context.entity.knows_sent = False
        assert await other.say(raw) == []
        assert len(bob.line.take()) == 1
        assert await archived(house, "bob") == 1
        assert await ann.say(raw.replace("'o1'", "'o2'")) == []
        assert await ann.say(raw.replace(f"to='{BOB}'", f"to='cai@{DOMAIN}'")) == []
        assert len(bob.line.take()) == 1
        assert await archived(house, "cai") == 1


async def test_what_only_looks_sent_again_is_kept_and_delivered():
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        one, two = (message(inner=f"<body>{n}</body>{origin('o1')}") for n in (1, 2))
        for raw in (one, two, two):
            assert await ann.say(raw) == []
        assert [b"<body>2</body>" in raw for raw in bob.line.take()] == [False, True]
        entity = ann.context.entity
        entity.sent, entity.knows_sent = type(entity.sent)(), False  # as after a restart
        await entity.load_sent()
        ann.session.lang = "de"
        assert await ann.say(two) == []
        assert bob.line.take() == []
        assert await ann.say(two.replace("2<", "3<")) == []
        assert len(bob.line.take()) == 1
        assert await archived(house, "bob") == 3


async def test_a_stanza_id_that_is_cut_makes_no_other_content():
    forged = f"<stanza-id xmlns='{SID}' by='{BOB}' id='forged'/>"
    async with household(*EXTENSIONS) as house:
        ann, bob = await pair(house)
        for _ in range(2):
            assert await ann.say(message(inner=f"<body>1</body>{origin('o1')}{forged}")) == []
        assert len(bob.line.take()) == 1


# -- requests -------------------------------------------------------------------------------------


def ask(to: str, kind: str = "get", name: str = "q") -> str:
    return f"<iq type='{kind}' id='{name}' to='{to}'><query xmlns='urn:example:q'/></iq>"


def ids(client: FakeClient) -> list[tuple[str | None, str | None, str | None]]:
    """Return, once, type, id and sender of the requests and answers that came."""
    iqs = [e for e in client.read() if e.tag == f"{{{CLIENT}}}iq"]
    return [(iq.get("type"), iq.get("id"), iq.get("from")) for iq in iqs]


async def test_requests_go_to_the_session_they_name_and_answers_come_back():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(ask(f"{BOB}/phone"))
        assert ids(bob) == [("get", "q", f"{ANN}/phone")]
        await bob.send(f"<iq type='result' id='q' to='{ANN}/phone'/>")
        assert ids(ann) == [("result", "q", f"{BOB}/phone")]
        await ann.send(ask(f"{BOB}/gone"))
        assert ids(ann) == [("error", "q", f"{BOB}/gone")]
        await ann.send(ask("bob@elsewhere.example/phone"))
        assert ids(ann) == [("error", "q", "bob@elsewhere.example/phone")]


@pytest.mark.parametrize(
    "to", [f"{BOB}/gone", "bob@elsewhere.example/phone", BOB, DOMAIN, f"nobody@{DOMAIN}/phone"]
)
async def test_answers_to_nobody_are_dropped(to: str):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(f"<iq type='result' id='q' to='{to}'/>")
        await ann.send(f"<iq type='error' id='q' to='{to}'/>")
        assert ids(ann) == ids(bob) == []
