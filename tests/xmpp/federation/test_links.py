"""Which way a stanza for another domain takes, and what its sender is told."""

from xml.etree.ElementTree import Element

import pytest

from clarion.core.ports import Parcel
from clarion.wire.xml import parse
from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.federation import links as module
from clarion.xmpp.federation.links import Links

ANN = "ann@corp.example/x"


class House:
    """Services and router in one; keeps what goes to people."""

    def __init__(self) -> None:
        self.router = self.tally = self
        self.refusals: dict[str, int] = {condition.value: 0 for condition in StanzaCondition}
        self.back: list[tuple[str, Element]] = []

    def entity(self, bare: str) -> str:
        return bare

    def to_entity(self, entity: str, parcel: Parcel) -> None:
        self.back.append((entity, parse(parcel.stanza, CLIENT)))


class Way:
    """A link that keeps what it is given."""

    def __init__(self, local: str, remote: str) -> None:
        self.pair = (local, remote)
        self.sent: list[Parcel] = []
        self.idle = False
        self.closed = False

    def send(self, parcel: Parcel) -> None:
        self.sent.append(parcel)

    def close(self) -> None:
        self.closed = True


def parcel(name: str = "message", kind: str = "", sender: str = ANN) -> Parcel:
    typed = f" type='{kind}'" if kind else ""
    raw = f"<{name} from='{sender}' to='bob@b.example'{typed} id='i'/>"
    return Parcel(name, kind, sender, "", raw.encode())


def make() -> tuple[Links, House, list[Way]]:
    house, ways = House(), list[Way]()

    def link(local: str, remote: str, bounce: object) -> Way:
        ways.append(Way(local, remote))
        return ways[-1]

    links = Links(house, link, lambda domain: domain.endswith("b.example"))  # type: ignore[arg-type]
    return links, house, ways


def test_one_link_for_each_pair_of_domains():
    links, _, ways = make()
    links.take("b.example", parcel())
    links.take("b.example", parcel())
    links.take("b.example", parcel(sender="room@rooms.corp.example/nick"))
    assert [way.pair for way in ways] == [
        ("corp.example", "b.example"),
        ("rooms.corp.example", "b.example"),
    ]
    assert [len(way.sent) for way in ways] == [2, 1]
    links.close()
    assert all(way.closed for way in ways)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("message", "", True),
        ("message", "chat", True),
        ("message", "error", False),
        ("iq", "get", True),
        ("iq", "result", False),
        ("presence", "", False),
        ("presence", "probe", False),
        ("presence", "subscribe", True),
    ],
)
def test_who_is_told_that_a_stanza_did_not_arrive(name: str, kind: str, *, told: bool):
    links, house, _ = make()
    links.take("c.example", parcel(name, kind))
    assert len(house.back) == told
    for entity, error in house.back:
        assert entity == "ann@corp.example"
        assert (error.get("from"), error.get("to")) == ("bob@b.example", ANN)
        assert (error.get("type"), error.get("id")) == ("error", "i")


def test_a_question_about_a_key_of_a_domain_that_is_denied():
    links, _, _ = make()
    told: list[tuple[str, StanzaError | None]] = []
    asked = Dialback("c.example", "corp.example", "s", "", "key")
    links.verify(asked, lambda kind, error: told.append((kind, error)))
    ((kind, error),) = told
    assert kind == "error"
    assert error is not None
    assert error.condition is StanzaCondition.REMOTE_SERVER_NOT_FOUND


def test_only_so_many_links_and_idle_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LINKS_LIMIT", 2)
    links, house, ways = make()
    for number in range(3):
        links.take(f"{number}b.example", parcel())
    assert len(ways) == 2
    assert len(house.back) == 1
    ways[0].idle = True
    links.take("2b.example", parcel())
    assert [way.pair[1] for way in ways] == ["0b.example", "1b.example", "2b.example"]
