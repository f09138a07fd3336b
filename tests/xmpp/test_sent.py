"""What was sent a short while ago."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.archive import Item, pair_thread
from clarion.core.ports import ItemRef
from clarion.lib.ids import Mint
from clarion.wire.xmpp.splice import append_child
from clarion.wire.xmpp.stamps import MARKABLE
from clarion.xmpp.sent import NAME_LIMIT, SENT_LIMIT, SentMemory

ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
RAW = b"<message><body>hi</body></message>"
MINT = Mint(1, lambda: 1_750_000_000.0)


def item(
    message_id: str = "",
    origin_id: str = "",
    recipient: str = BOB,
    *,
    countable: bool = True,
    stanza: bytes = RAW,
):
    return Item(
        MINT.item(),
        pair_thread(ANN, recipient.partition("/")[0]),
        f"{ANN}/phone",
        recipient,
        message_id,
        origin_id,
        stanza,
        countable,
    )


def test_an_item_is_found_by_whom_it_went_to_and_its_id():
    memory = SentMemory()
    sent = item("m1", "o1")
    memory.add(BOB, sent)
    assert memory.find(BOB, "m1") == ItemRef(sent.id, sent.thread)
    assert memory.find(CAI, "m1") is None
    assert memory.find(BOB, "o1") is None
    assert memory.resent(BOB, "o1", RAW) == sent.id
    assert memory.resent(CAI, "o1", RAW) is None
    assert memory.resent(BOB, "m1", RAW) is None


def test_what_nobody_reads_has_no_thread():
    memory = SentMemory()
    receipt = item("m1", countable=False)
    memory.add(BOB, receipt)
    assert memory.find(BOB, "m1") == ItemRef(receipt.id, None)


def test_messages_without_ids_are_not_remembered():
    memory = SentMemory()
    memory.add(BOB, item())
    assert memory.find(BOB, "") is None
    assert memory.resent(BOB, "", RAW) is None


def test_of_two_with_one_id_the_newer_counts():
    memory = SentMemory()
    memory.add(BOB, item("m1"))
    newer = item("m1")
    memory.add(BOB, newer)
    found = memory.find(BOB, "m1")
    assert found is not None
    assert found.item == newer.id


def test_the_one_unused_longest_goes_first():
    memory = SentMemory(2)
    for name in ("1", "2"):
        memory.add(BOB, item(f"m{name}", f"o{name}"))
    assert memory.find(BOB, "m1") is not None
    assert memory.resent(BOB, "o1", RAW) is not None
    memory.add(BOB, item("m3", "o3"))
    assert [name for name in ("m1", "m2", "m3") if memory.find(BOB, name)] == ["m1", "m3"]
    assert [name for name in ("o1", "o2", "o3") if memory.resent(BOB, name, RAW)] == ["o1", "o3"]


def test_the_memory_has_a_limit():
    memory = SentMemory()
    items = [item(f"m{n}", f"o{n}") for n in range(SENT_LIMIT + 1)]
    for sent in items:
        memory.add(BOB, sent)
    assert memory.find(BOB, "m0") is None
    assert memory.resent(BOB, "o0", RAW) is None
    assert all(memory.find(BOB, sent.message_id) for sent in items[1:])


@pytest.mark.parametrize(("length", "kept"), [(NAME_LIMIT, True), (NAME_LIMIT + 1, False)])
def test_long_ids_are_left_to_the_archive(length: int, kept: bool):
    memory = SentMemory()
    name = "x" * length
    memory.add(BOB, item(name, name))
    assert (memory.find(BOB, name) is not None) is kept
    assert (memory.resent(BOB, name, RAW) is not None) is kept


def test_what_could_not_be_kept_is_new_when_it_is_sent_again():
    memory = SentMemory()
    lost = item("m1", "o1")
    memory.add(BOB, lost)
    memory.forget(BOB, lost)
    assert memory.find(BOB, "m1") is None
    assert memory.resent(BOB, "o1", RAW) is None
    memory.forget(BOB, lost)


def test_forgetting_an_older_one_leaves_the_newer_with_its_id():
    memory = SentMemory()
    lost, kept = item("m1", "o1"), item("m1", "o1")
    memory.add(BOB, lost)
    memory.add(BOB, kept)
    memory.forget(BOB, lost)
    found = memory.find(BOB, "m1")
    assert found is not None
    assert found.item == kept.id
    assert memory.resent(BOB, "o1", RAW) == kept.id


def test_it_is_filled_from_the_archive_without_losing_what_is_newer():
    memory = SentMemory(3)
    older = [item(f"m{n}", f"o{n}", f"{BOB}/desk") for n in range(4)]
    newer = item("m3", "o3")
    memory.add(BOB, newer)
    memory.fill(older)
    found = memory.find(BOB, "m3")
    assert found is not None
    assert found.item == newer.id
    assert memory.resent(BOB, "o3", RAW) == newer.id
    assert [n for n in range(4) if memory.find(BOB, f"m{n}")] == [1, 2, 3]


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize(
    ("stanza", "same"),
    [
        (RAW, True),
        (b"<message from='ann@corp.example/desk' xml:lang='de'><body>hi</body></message>", True),
        (append_child(RAW, MARKABLE), True),
        (RAW.replace(b"hi", b"ho"), False),
        (RAW.replace(b"<body>hi</body>", b""), False),
        (append_child(RAW, MARKABLE + b" "), False),
        (append_child(RAW, b"<markable xmlns='u'/>"), False),
    ],
)
def test_only_the_same_content_is_sent_again(stanza: bytes, same: bool, filled: bool):
    for first, again in ((RAW, stanza), (stanza, RAW)):
        memory, sent = SentMemory(), item("m1", "o1", stanza=first)
        if filled:
            memory.fill([sent])
        else:
            memory.add(BOB, sent)
        assert memory.resent(BOB, "o1", again) == (sent.id if same else None)


def test_what_was_retracted_does_not_come_back_by_being_sent_again():
    memory, sent = SentMemory(), item("m1", "o1", stanza=b"<message><retracted/></message>")
    memory.fill([replace(sent, whole=False)])
    assert memory.resent(BOB, "o1", RAW) == sent.id
    assert memory.resent(BOB, "o2", RAW) is None


def test_another_content_with_the_id_replaces_what_was_remembered():
    memory, other = SentMemory(), RAW.replace(b"hi", b"ho")
    memory.add(BOB, item("m1", "o1"))
    newer = item("m2", "o1", stanza=other)
    memory.add(BOB, newer)
    assert memory.resent(BOB, "o1", other) == newer.id
    assert memory.resent(BOB, "o1", RAW) is None


@given(
    st.lists(st.tuples(st.sampled_from([BOB, CAI]), st.integers(0, 5)), max_size=40),
    st.integers(1, 6),
)
@settings(deadline=None)
def test_it_knows_the_last_ones_of_a_plain_list(sent: list[tuple[str, int]], limit: int):
    memory, plain = SentMemory(limit), {}
    for peer, number in sent:
        new = item(f"m{number}", f"m{number}", peer)
        memory.add(peer, new)
        plain.pop((peer, f"m{number}"), None)
        plain[peer, f"m{number}"] = new.id
    known = dict(list(plain.items())[-limit:])
    for (peer, name), kept in plain.items():
        expected = kept if (peer, name) in known else None
        assert memory.resent(peer, name, RAW) == expected
