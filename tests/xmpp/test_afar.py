from clarion.core.ports import Parcel
from clarion.wire.xmpp.jid import parse_jid
from clarion.xmpp.afar import Afar
from clarion.xmpp.interests import Interests
from fakes.clock import FakeClock
from fakes.outside import cut

PRESENCE = cut("<presence/>")


class Router:
    def to_entity(self, entity: str, parcel: Parcel) -> None:
        raise AssertionError("nobody is to be asked anything")


def test_only_so_many_clients_are_remembered_and_the_oldest_goes():
    afar = Afar(Interests(FakeClock(), lambda: "t"), Router(), 2)  # type: ignore[arg-type]
    one, two, three = (parse_jid(f"{name}@b.example/x") for name in ("one", "two", "three"))
    for jid in (one, two, one, three):
        assert afar.heard(jid, "ann@corp.example", PRESENCE) == []
    assert afar.of(two.bare) == ()
    assert len(list(afar.of(one.bare))) == len(list(afar.of(three.bare))) == 1


def test_unavailable_without_a_resource_ends_all_of_somebodys_clients():
    afar = Afar(Interests(FakeClock(), lambda: "t"), Router())  # type: ignore[arg-type]
    for resource in ("x", "y"):
        afar.heard(parse_jid(f"bob@b.example/{resource}"), "ann@corp.example", PRESENCE)
    sessions = afar.of("bob@b.example")
    assert len(list(sessions)) == 2
    afar.gone(parse_jid("bob@b.example/x"))
    assert [session.full for session in afar.of("bob@b.example")] == ["bob@b.example/y"]
    afar.gone(parse_jid("bob@b.example"))
    assert afar.of("bob@b.example") == ()
    assert all(session.ended for session in sessions)
