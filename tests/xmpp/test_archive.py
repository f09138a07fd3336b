"""XEP-0313 with XEP-0059: a person's archive, page by page."""

import asyncio
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.ledger import State
from clarion.core.preferences import Policy, Preferences
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import FIRST, ItemId, seconds
from clarion.store import archive as layout
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.acks import Inbound, Outbound
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.payloads import FORWARD
from clarion.wire.xmpp.stamps import utc
from clarion.xmpp.archive_request import IDS_LIMIT, PAGE, PAGE_LIMIT
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.ext.archive import NS, RSM, archive
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.stanza_ids import stanza_ids
from clarion.xmpp.ext.stream_management import stream_management
from clarion.xmpp.session import Token
from fakes.household import DOMAIN, Client, Household, children_of, household, settle

EXTENSIONS = (archive, delay, stanza_ids, stream_management)
ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"


Fields = dict[str, str | list[str]]


def query(
    fields: Fields | None = None,
    *,
    rsm: str | None = None,
    queryid: str | None = "f27",
    form_type: str = NS,
    flipped: bool = False,
) -> str:
    """Return a query as clients send it."""
    form = "<flip-page/>" if flipped else ""
    if fields is not None:
        inner = f"<field var='FORM_TYPE'><value>{form_type}</value></field>"
        for name, given in fields.items():
            values = [given] if isinstance(given, str) else given
            written = "".join(f"<value>{escape(value)}</value>" for value in values)
            inner += f"<field var='{name}'>{written}</field>"
        form += f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"
    page = "" if rsm is None else f"<set xmlns='{RSM}'>{rsm}</set>"
    named = "" if queryid is None else f" queryid='{queryid}'"
    return f"<query xmlns='{NS}'{named}>{form}{page}</query>"


class Answer:
    """The results and the end of one query."""

    def __init__(self, came: Sequence[bytes]) -> None:
        self.raw = list(came)
        trees = [parse(raw, CLIENT) for raw in came]
        self.results = [tree[0] for tree in trees[:-1]]
        self.fin: Element = trees[-1][0]
        assert self.fin.tag == f"{{{NS}}}fin", came[-1]
        self.ids = [result.attrib["id"] for result in self.results]
        page = self.fin[0]
        self.first = page.findtext(f"{{{RSM}}}first")
        self.last = page.findtext(f"{{{RSM}}}last")
        self.count = page.findtext(f"{{{RSM}}}count")
        first = page.find(f"{{{RSM}}}first")
        self.index = None if first is None else first.get("index")
        self.complete = self.fin.get("complete") == "true"

    @property
    def bodies(self) -> list[str | None]:
        return [result[0][1].findtext(f"{{{CLIENT}}}body") for result in self.results]


async def fetch(
    client: Client,
    fields: Fields | None = None,
    rsm: str | None = None,
    *,
    flipped: bool = False,
) -> Answer:
    return Answer(await client.ask_all("set", query(fields, rsm=rsm, flipped=flipped)))


async def talk(house: Household, number: int) -> list[ItemId]:
    """Let Ann and Bob write by turns."""
    pair = (f"{ANN}/phone", BOB), (f"{BOB}/desk", f"{ANN}/phone")
    return [await house.store(*pair[n % 2], str(n), f"m{n}") for n in range(number)]


# -- what a result looks like -------------------------------------------------------------


async def test_results_hold_the_message_as_it_was_and_come_before_the_answer() -> None:
    async with household(*EXTENSIONS) as house:
        (item,) = await talk(house, 1)
        ann = await house.log_in("ann")
        result, answer = await ann.ask_all("set", query())
        sealed = house.services.seal.seal(item)
        assert (
            result
            == (
                f"<message from='{ANN}' to='{ANN}/phone'>"
                f"<result xmlns='{NS}' queryid='f27' id='{sealed}'><forwarded xmlns='{FORWARD}'>"
                f"<delay xmlns='urn:xmpp:delay' stamp='{utc(seconds(item))}'/>"
                f"<message xmlns='jabber:client' from='{ANN}/phone' to='{BOB}' type='chat'>"
                "<body>0</body></message></forwarded></result></message>"
            ).encode()
        )
        assert (
            answer
            == (
                f"<iq type='result' id='q1' to='{ANN}/phone'>"
                f"<fin xmlns='{NS}' complete='true' stable='true'><set xmlns='{RSM}'>"
                f"<first index='0'>{sealed}</first><last>{sealed}</last><count>1</count>"
                "</set></fin></iq>"
            ).encode()
        )


async def test_the_queryid_is_echoed_only_where_one_was_given() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 1)
        ann = await house.log_in("ann")
        result, _ = await ann.ask_all("set", query(queryid=None))
        assert b"queryid" not in result
        result, _ = await ann.ask_all("set", query(queryid="a&lt;&apos;"))
        assert b" queryid='a&lt;&apos;' " in result


async def test_an_empty_archive_is_no_error() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        answer = await fetch(ann)
        assert (answer.results, answer.first, answer.last) == ([], None, None)
        assert answer.complete


async def test_the_archive_may_be_named_by_ones_own_bare_jid() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 1)
        ann = await house.log_in("ann")
        answer = Answer(await ann.ask_all("set", query(), ANN))
        assert answer.bodies == ["0"]
        assert f" from='{ANN}' ".encode() in answer.raw[-1]


@pytest.mark.parametrize("kind", ["get", "set"])
async def test_somebody_elses_archive_is_closed(kind: str) -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 1)
        ann = await house.log_in("ann")
        assert b"<forbidden" in await ann.ask(kind, query(), BOB)


async def test_the_form_names_the_fields() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        ((form,),) = children_of(await ann.ask("get", f"<query xmlns='{NS}'/>"))
        assert form.get("type") == "form"
        assert [(field.get("var"), field.get("type")) for field in form] == [
            ("FORM_TYPE", "hidden"),
            ("with", "jid-single"),
            ("start", "text-single"),
            ("end", "text-single"),
            ("before-id", "text-single"),
            ("after-id", "text-single"),
            ("ids", "list-multi"),
            ("include-groupchat", "boolean"),
        ]
        (validate,) = next(field for field in form if field.get("var") == "ids")
        assert validate.get("datatype") == "xs:string"
        assert [child.tag.rpartition("}")[2] for child in validate] == ["open"]


# -- filters --------------------------------------------------------------------------------


@pytest.fixture
def mixed() -> list[tuple[str, str, str]]:
    return [
        (f"{ANN}/phone", BOB, "to Bob"),
        (f"{BOB}/desk", f"{ANN}/phone", "from his desk"),
        (f"{BOB}/train", ANN, "from the train"),
        (f"{CAI}/desk", ANN, "from Cai"),
        (f"{ANN}/home", f"{ANN}/phone", "to myself"),
        (f"{ANN}/home", f"{BOB}/train", "to the train"),
        (f"{BOB}/desk", CAI, "not Ann's"),
    ]


@pytest.mark.parametrize(
    ("jid", "bodies"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        ("", [0, 1, 2, 3, 4, 5]),
        (BOB, [0, 1, 2, 5]),
        (BOB.upper(), [0, 1, 2, 5]),
        (f"{BOB}/train", [2, 5]),
        (f"{BOB}/nowhere", []),
        (CAI, [3]),
        (ANN, [4]),
        (f"{ANN}/phone", [0, 1, 4]),
        (DOMAIN, []),
        ("somebody@elsewhere.example", []),
    ],
)
async def test_with_whom(
    mixed: list[tuple[str, str, str]], jid: str | None, bodies: list[int]
) -> None:
    async with household(*EXTENSIONS) as house:
        for sender, recipient, body in mixed:
            await house.store(sender, recipient, body)
        ann = await house.log_in("ann")
        fields: Fields = {} if jid is None else {"with": jid}
        expected = [mixed[n][2] for n in bodies]
        assert (await fetch(ann, fields)).bodies == expected
        # From the other end, one by one.
        answer, seen = await fetch(ann, fields, "<max>1</max><before/>"), []
        while answer.results:
            seen += answer.bodies
            answer = await fetch(ann, fields, f"<max>1</max><before>{answer.first}</before>")
        assert seen == expected[::-1]


async def test_start_and_end_belong_to_the_span() -> None:
    async with household(*EXTENSIONS) as house:
        items = await talk(house, 5)
        stamps = [utc(seconds(item)) for item in items]
        ann = await house.log_in("ann")
        found = await fetch(ann, {"start": stamps[1], "end": stamps[3]})
        assert found.bodies == ["1", "2", "3"]
        finer = stamps[1].replace("Z", "001Z"), stamps[3].replace("Z", "999Z")
        found = await fetch(ann, {"start": finer[0], "end": finer[1]})
        assert found.bodies == ["2", "3"]
        assert (await fetch(ann, {"start": stamps[4]})).bodies == ["4"]
        assert (await fetch(ann, {"end": stamps[0]})).bodies == ["0"]
        assert (await fetch(ann, {"start": stamps[3], "end": stamps[1]})).bodies == []


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"start": "0001-01-01T00:00:00+14:00"}, 3),
        ({"end": "9999-12-31T23:59:59.9999999-12:00"}, 3),
        ({"start": "9999-12-31T23:59:59Z"}, 0),
        ({"end": "1969-12-31T23:59:59Z"}, 0),
        ({"start": "", "end": ""}, 3),
    ],
)
async def test_the_ends_of_time(fields: Fields, number: int) -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 3)
        ann = await house.log_in("ann")
        assert len((await fetch(ann, fields)).results) == number


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "condition"),
    [
        (query({"start": "yesterday"}), b"bad-request"),
        (query({"end": "2026-02-30T00:00:00Z"}), b"bad-request"),
        (query({"with": "@"}), b"jid-malformed"),
        (query({"before-id": "x"}), b"item-not-found"),
        (query({"after-id": "0" * 32}), b"item-not-found"),
        (query({"ids": "0" * 32}), b"item-not-found"),
        (query({"include-groupchat": "perhaps"}), b"bad-request"),
        (query({"{urn:x}words": "hush"}), b"feature-not-implemented"),
        (query({}, form_type="urn:xmpp:mam:1"), b"bad-request"),
        (query(rsm="<max>many</max>"), b"bad-request"),
        (query(rsm="<index>3</index>"), b"feature-not-implemented"),
        (query(rsm="<after>unknown</after>"), b"item-not-found"),
        (query(rsm=f"<before>{'0' * 32}</before>"), b"item-not-found"),
        (f"<query xmlns='{NS}' node='n'/>", b"item-not-found"),
        (
            f"<query xmlns='{NS}'><x xmlns='jabber:x:data' type='cancel'/></query>",
            b"bad-request",
        ),
    ],
)
async def test_what_cannot_be_answered_is_refused(request_: str, condition: bytes) -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 3)
        ann = await house.log_in("ann")
        (answer,) = await ann.ask_all("set", request_)
        assert b"<" + condition in answer
        assert b"type='error'" in answer


async def test_an_item_of_another_archive_is_unknown_in_this_one() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 3)
        others = house.services.seal.seal(await house.store(f"{BOB}/desk", CAI, "hush"))
        ann = await house.log_in("ann")
        for bound in ("after", "before"):
            answer = await ann.ask("set", query(rsm=f"<{bound}>{others}</{bound}>"))
            assert b"<item-not-found" in answer
        for field in ("after-id", "before-id", "ids"):
            assert b"<item-not-found" in await ann.ask("set", query({field: others}))


async def test_a_store_that_cannot_answer_is_told() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        house.database.fail_next_read(UnavailableError("the store is locked"))
        (answer,) = await ann.ask_all("set", query())
        assert b"<resource-constraint" in answer


# -- by the ids of items (urn:xmpp:mam:2#extended) ------------------------------------------------


async def test_items_between_two_that_are_known() -> None:
    async with household(*EXTENSIONS) as house:
        names = [house.services.seal.seal(item) for item in await talk(house, 6)]
        ann = await house.log_in("ann")
        between: Fields = {"after-id": names[1], "before-id": names[4]}
        assert (await fetch(ann, between)).bodies == ["2", "3"]
        assert (await fetch(ann, {"after-id": names[3]})).bodies == ["4", "5"]
        assert (await fetch(ann, {"before-id": names[2], "after-id": ""})).bodies == ["0", "1"]
        # A page in a span goes on where the last one ended.
        answer = await fetch(ann, {"before-id": names[5]}, f"<max>2</max><after>{names[1]}</after>")
        assert (answer.bodies, answer.complete) == (["2", "3"], False)
        answer = await fetch(ann, {"after-id": names[0]}, f"<before>{names[3]}</before>")
        assert (answer.bodies, answer.complete) == (["1", "2"], True)
        assert (await fetch(ann, {"after-id": names[4], "before-id": names[1]})).bodies == []


async def test_items_by_their_ids_come_in_order_and_once() -> None:
    async with household(*EXTENSIONS) as house:
        names = [house.services.seal.seal(item) for item in await talk(house, 6)]
        ann = await house.log_in("ann")
        wanted = [names[4], names[1], names[4], names[2]]
        answer = await fetch(ann, {"ids": wanted})
        assert (answer.bodies, answer.complete, answer.count) == (["1", "2", "4"], True, "3")
        assert (await fetch(ann, {"ids": wanted}, "<max>0</max>")).count == "3"
        answer = await fetch(ann, {"ids": wanted}, "<max>1</max><before/>")
        assert (answer.bodies, answer.complete) == (["4"], False)
        assert (await fetch(ann, {"ids": wanted, "with": CAI})).bodies == []
        # One that is not there spoils all.
        assert b"<item-not-found" in await ann.ask("set", query({"ids": [*wanted, "0" * 32]}))


async def test_only_so_many_items_are_asked_for_by_their_ids() -> None:
    async with household(*EXTENSIONS) as house:
        items = await talk(house, IDS_LIMIT + 1)
        names = [house.services.seal.seal(item) for item in items]
        ann = await house.log_in("ann")
        answer = await fetch(ann, {"ids": names[:-1]}, f"<max>{PAGE_LIMIT}</max>")
        assert len(answer.results) == IDS_LIMIT
        assert b"<not-acceptable" in await ann.ask("set", query({"ids": names}))


async def test_a_flipped_page_is_the_same_page_newest_first() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 5)
        ann = await house.log_in("ann")
        for rsm, bodies in (("<max>2</max>", ["1", "0"]), ("<max>2</max><before/>", ["4", "3"])):
            plain = await fetch(ann, rsm=rsm)
            flipped = await fetch(ann, rsm=rsm, flipped=True)
            assert flipped.bodies == bodies
            assert flipped.ids == plain.ids[::-1]
            assert (flipped.first, flipped.last) == (plain.first, plain.last)
            assert flipped.complete is plain.complete


async def test_groupchat_may_be_asked_for_and_is_not_there() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 2)
        ann = await house.log_in("ann")
        for value in ("true", "0"):
            assert (await fetch(ann, {"include-groupchat": value})).bodies == ["0", "1"]


async def test_the_ends_of_the_archive_are_told() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        asked = f"<metadata xmlns='{NS}'/>"
        ((empty),) = children_of(await ann.ask("get", asked))
        assert len(empty) == 0
        items = await talk(house, 3)
        ((told),) = children_of(await ann.ask("get", asked))
        seal = house.services.seal
        assert [(end.tag, dict(end.attrib)) for end in told] == [
            (
                f"{{{NS}}}{name}",
                {"id": seal.seal(item), "timestamp": utc(seconds(item))},
            )
            for name, item in (("start", items[0]), ("end", items[-1]))
        ]
        assert b"<forbidden" in await ann.ask("get", asked, BOB)


async def test_a_search_that_finds_nothing_far_and_wide_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "SCAN_LIMIT", 3)
    async with household(*EXTENSIONS) as house:
        await talk(house, 9)
        ann = await house.log_in("ann")
        asked = query({"with": f"{BOB}/nowhere"})
        assert b"<not-acceptable" in await ann.ask("set", asked)


# -- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rsm", "number"),
    [(None, PAGE), ("<max>7</max>", 7), (f"<max>{PAGE_LIMIT + 1}</max>", PAGE_LIMIT)],
)
async def test_pages_have_a_limit(rsm: str | None, number: int) -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, PAGE_LIMIT + 1)
        ann = await house.log_in("ann")
        answer = await fetch(ann, rsm=rsm)
        assert answer.bodies == [str(n) for n in range(number)]
        assert not answer.complete
        assert (answer.count, answer.index) == (None, "0")


@pytest.mark.parametrize(
    ("rsm", "count", "index"),
    [
        ("<max>9</max>", "3", "0"),
        ("<max>3</max><before/>", "3", "0"),
        ("<max>2</max>", None, "0"),
        ("<max>2</max><before/>", None, None),
        ("<max>2</max><after>{0}</after>", None, None),
        ("<max>2</max><before>{2}</before>", None, "0"),
        ("<max>1</max><before>{2}</before>", None, None),
        ("<after>{2}</after>", None, None),
    ],
)
async def test_place_and_number_are_told_where_they_are_plain(
    rsm: str, count: str | None, index: str | None
) -> None:
    async with household(*EXTENSIONS) as house:
        names = [house.services.seal.seal(item) for item in await talk(house, 3)]
        ann = await house.log_in("ann")
        answer = await fetch(ann, rsm=rsm.format(*names))
        assert (answer.count, answer.index) == (count, index)


async def test_the_count_comes_where_nothing_else_is_asked_for() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 3)
        await house.store(f"{CAI}/desk", ANN, "hi")
        ann = await house.log_in("ann")
        answer = await fetch(ann, rsm="<max>0</max>")
        assert (answer.results, answer.count, answer.complete) == ([], "4", False)
        assert (await fetch(ann, {"with": BOB}, "<max>0</max>")).count == "3"
        answer = await fetch(ann, {"with": DOMAIN}, "<max>0</max>")
        assert (answer.count, answer.complete) == ("0", True)


async def test_the_last_page_is_in_order() -> None:
    async with household(*EXTENSIONS) as house:
        await talk(house, 5)
        ann = await house.log_in("ann")
        answer = await fetch(ann, rsm="<max>2</max><before/>")
        assert answer.bodies == ["3", "4"]
        assert (answer.first, answer.last) == (answer.ids[0], answer.ids[-1])


@given(data=st.data(), number=st.integers(0, 12), page=st.integers(1, 13))
@settings(deadline=None, max_examples=40)
def test_paging_from_either_end_visits_every_item_once_in_order(
    data: st.DataObject, number: int, page: int
) -> None:
    people = st.sampled_from([f"{ANN}/phone", f"{BOB}/desk", f"{CAI}/desk", f"{BOB}/train"])
    letters = data.draw(
        st.lists(st.tuples(people, people), min_size=number, max_size=number), "letters"
    )
    jid = data.draw(st.sampled_from(["", BOB, f"{BOB}/desk", CAI, ANN]), "with")
    newer = data.draw(st.integers(0, 3), "items that come while paging")

    def bare(address: str) -> str:
        return address.partition("/")[0]

    def matches(sender: str, recipient: str) -> bool:
        if ANN not in {bare(sender), bare(recipient)}:
            return False
        if jid == ANN:
            return bare(sender) == bare(recipient)
        return not jid or any(jid in {full, bare(full)} for full in (sender, recipient))

    async def run() -> None:
        async with household(*EXTENSIONS) as house:
            for n, (sender, recipient) in enumerate(letters):
                await house.store(sender, recipient, str(n))
            expected: list[str | None] = [
                str(n) for n, letter in enumerate(letters) if matches(*letter)
            ]
            ann = await house.log_in("ann")
            fields: Fields = {"with": jid}
            answer = await fetch(ann, fields, f"<max>{page}</max>")
            seen = answer.bodies
            while not answer.complete:
                after = f"<max>{page}</max><after>{answer.last}</after>"
                answer = await fetch(ann, fields, after)
                seen += answer.bodies
            assert seen == expected

            answer = await fetch(ann, fields, f"<max>{page}</max><before/>")
            seen = answer.bodies
            while not answer.complete:
                for _ in range(newer):
                    await house.store(f"{BOB}/desk", ANN, "newer")
                before = f"<max>{page}</max><before>{answer.first}</before>"
                answer = await fetch(ann, fields, before)
                seen = answer.bodies + seen
            assert seen == expected

    asyncio.run(run())


# -- what was fetched has been received ---------------------------------------------------------


async def waiting(house: Household) -> list[ItemId]:
    """Let three messages wait for Ann, who has not been here before."""
    return [await house.store(f"{BOB}/desk", ANN, str(n), f"m{n}") for n in range(3)]


def count(client: Client) -> None:
    """Turn XEP-0198 on."""
    client.session.inbound = Inbound()
    client.session.outbound = Outbound[Token](limit_bytes=1_000_000, limit_count=1_000)


def acknowledge(client: Client) -> None:
    """Acknowledge everything, as ``<a/>`` does."""
    outbound = client.session.outbound
    assert outbound is not None
    sm.took(client.context, outbound.acknowledge(outbound.send_count))


async def states(house: Household) -> list[State]:
    """Return how far what Ann and Bob wrote has come."""
    return [entry.state for _, entry in await house.services.ledger.show_thread(ANN, BOB, 9)]


async def late(client: Client) -> list[str | None]:
    """Return the bodies of what a session is sent when it begins to take messages."""
    client.line.take()
    await client.context.entity.catch_up(client.session)
    await settle()
    return [parse(raw, CLIENT).findtext(f"{{{CLIENT}}}body") for raw in client.line.take()]


async def test_what_was_fetched_is_not_sent_again() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        await fetch(ann)
        assert await late(ann) == []


async def test_it_is_received_when_the_client_has_acknowledged_the_results() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann)
        reach = ann.context.entity.reach
        assert reach.level() < items[0]
        assert ann.session.outbound is not None
        assert len(ann.session.outbound) == 4  # each result once, and the answer
        acknowledge(ann)
        assert reach.level() == items[-1]
        shown = await house.services.ledger.show_thread(ANN, BOB, 5)
        assert [entry.state for _, entry in shown] == [State.DELIVERED] * 3


async def test_without_xep_0198_it_is_received_when_a_ping_proves_it() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        ann = await house.log_in("ann")
        await fetch(ann)
        assert [ref.item for ref in ann.session.unproven] == items
        assert ann.context.entity.reach.level() < items[0]
        ann.context.entity.received(ann.session, ann.session.unproven)
        assert ann.context.entity.reach.level() == items[-1]


async def test_a_client_that_goes_before_it_has_the_results_gets_the_messages_again() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann)
        entity = ann.context.entity
        del entity.sessions[ann.session.id]
        entity.reach.ended(ann.session.id)
        again = await house.log_in("ann", "desk")
        assert await late(again) == ["0", "1", "2"]


async def test_page_by_page_up_to_the_page_that_was_fetched() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        answer = await fetch(ann, rsm="<max>1</max>")
        answer = await fetch(ann, rsm=f"<max>1</max><after>{answer.last}</after>")
        assert await late(ann) == ["2"]


@pytest.mark.parametrize(
    ("fields", "rsm"),
    [
        ({"with": f"{BOB}/desk"}, None),
        ({"with": BOB}, "<max>1</max><before/>"),
        (None, "<max>1</max><before/>"),
        ({"ids": []}, "<max>1</max><before/>"),
    ],
)
async def test_a_page_with_gaps_says_nothing_about_what_waits(
    fields: Fields | None, rsm: str | None
) -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann, fields, rsm)
        acknowledge(ann)
        assert ann.context.entity.reach.level() == FIRST
        assert await states(house) == [State.SENT] * 3
        assert await late(ann) == ["0", "1", "2"]


async def test_a_conversation_that_waits_is_received_but_nothing_else_that_waits() -> None:
    async with household(*EXTENSIONS) as house:
        await house.store(f"{CAI}/desk", ANN, "from Cai")
        await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann, {"with": BOB})
        assert await states(house) == [State.SENT] * 3
        acknowledge(ann)
        assert await states(house) == [State.DELIVERED] * 3
        assert ann.context.entity.reach.level() == FIRST
        assert await late(ann) == ["from Cai"]


async def test_a_conversation_that_was_not_acknowledged_still_waits() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann, {"with": BOB})
        assert await late(ann) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("fields", "rsm", "state"),
    [
        (None, None, State.READ),
        ({"with": BOB}, None, State.READ),
        ({"with": f"{BOB}/desk"}, None, State.READ),
        ({"with": BOB}, "<max>1</max><before/>", State.READ),
        ({"with": CAI}, None, State.DELIVERED),
    ],
)
async def test_a_reply_reads_what_the_session_fetched_though_another_had_it_first(
    fields: Fields | None, rsm: str | None, state: State
) -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        phone, desk = await house.log_in("ann"), await house.log_in("ann", "desk", None)
        count(phone)
        count(desk)
        await late(phone)
        acknowledge(phone)
        await fetch(desk, fields, rsm)
        reply = f"<message to='{BOB}' type='chat'><body>yes</body></message>"
        await desk.say(reply)
        assert (await states(house))[:3] == [State.DELIVERED] * 3  # may have crossed
        acknowledge(desk)
        assert desk.context.entity.reach.level() == items[-1]
        await desk.say(reply)
        assert (await states(house))[:3] == [state] * 3


async def test_pages_fetched_backwards_are_read_up_to_the_newest() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        phone, desk = await house.log_in("ann"), await house.log_in("ann", "desk", None)
        count(phone)
        count(desk)
        await late(phone)
        acknowledge(phone)
        answer = await fetch(desk, rsm="<max>1</max><before/>")
        await fetch(desk, rsm=f"<max>1</max><before>{answer.first}</before>")
        acknowledge(desk)
        await desk.say(f"<message to='{BOB}' type='chat'><body>yes</body></message>")
        assert (await states(house))[:3] == [State.READ] * 3


async def test_the_whole_archive_from_its_end_leaves_no_gap() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann, rsm="<before/>")
        acknowledge(ann)
        assert ann.context.entity.reach.level() == items[-1]


async def test_what_another_session_holds_is_received_by_who_fetches_it() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        phone, desk = await house.log_in("ann"), await house.log_in("ann", "desk", None)
        count(phone)
        count(desk)
        assert await late(phone) == ["0", "1", "2"]
        await fetch(desk)
        acknowledge(desk)
        reach = desk.context.entity.reach
        assert reach.level() == items[-1]
        reach.ended(phone.session.id)
        assert reach.waiting_above is None


async def test_what_one_sent_oneself_is_no_ones_delivery() -> None:
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        ann = await house.log_in("ann")
        await fetch(ann)
        assert ann.session.unproven == []
        ((_, entry),) = await house.services.ledger.show_thread(ANN, BOB, 5)
        assert entry.state is State.SENT


async def test_a_session_that_ended_meanwhile_has_fetched_nothing() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        ann.session.ended = True
        await fetch(ann)
        assert ann.context.entity.reach.waiting_above == FIRST


async def test_items_by_their_ids_say_nothing_about_what_waits() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        ann = await house.log_in("ann")
        count(ann)
        await fetch(ann, {"ids": [house.services.seal.seal(item) for item in items[1:]]})
        acknowledge(ann)
        assert await states(house) == [State.SENT] * 3
        assert await late(ann) == ["0", "1", "2"]


async def test_a_flipped_page_leaves_what_waits_to_be_delivered_in_order() -> None:
    async with household(*EXTENSIONS) as house:
        items = await waiting(house)
        phone = await house.log_in("ann")
        count(phone)
        assert (await fetch(phone, flipped=True)).bodies == ["2", "1", "0"]
        acknowledge(phone)
        assert await states(house) == [State.SENT] * 3
        assert await late(phone) == ["0", "1", "2"]
        # What another session holds is not received by halves either.
        desk = await house.log_in("ann", "desk", None)
        count(desk)
        await fetch(desk, flipped=True)
        acknowledge(desk)
        assert await states(house) == [State.SENT] * 3
        acknowledge(phone)
        assert await states(house) == [State.DELIVERED] * 3
        await fetch(desk, flipped=True)
        acknowledge(desk)
        assert desk.context.entity.reach.level() == items[-1]
        await desk.say(f"<message to='{BOB}' type='chat'><body>yes</body></message>")
        assert (await states(house))[:3] == [State.READ] * 3


async def test_what_no_page_shows_is_not_passed_over() -> None:
    async with household(*EXTENSIONS) as house:
        await waiting(house)
        ann = await house.log_in("ann")
        await ann.context.services.preferences.choose(
            house.person("ann").number, Preferences(Policy.NEVER)
        )
        bob = await house.log_in("bob", "desk")
        ann.session.priority = None
        await bob.say(f"<message to='{ANN}' type='chat' id='m3'><body>3</body></message>")
        ann.session.priority = 0
        await house.store(f"{BOB}/desk", ANN, "4", "m4")
        assert (await fetch(ann)).bodies == ["0", "1", "2", "4"]
        assert await late(ann) == ["0", "1", "2", "3", "4"]
