from itertools import count

from clarion.xmpp.rooms.relay import RELAYED_LIMIT, Relayed, Request


def relayed() -> Relayed:
    tokens = count()
    return Relayed(lambda: f"t{next(tokens)}")


def test_only_who_was_asked_answers_and_only_once():
    table = relayed()
    asked = Request("ann/a", "bob/b", "r/bob", "1")
    name = table.put(asked)
    assert table.take(name, "cai/c") is None
    assert table.take("other", "bob/b") is None
    assert table.take(name, "bob/b") is asked
    assert table.take(name, "bob/b") is None


def test_the_oldest_are_forgotten():
    table = relayed()
    names = [table.put(Request("a", "b", "r", str(n))) for n in range(RELAYED_LIMIT + 1)]
    assert table.take(names[0], "b") is None
    assert table.take(names[1], "b") is not None
