import pytest

from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.xmpp.rooms import rates as module
from clarion.xmpp.rooms.rates import CREATE_BURST, PERSON_BURST, PERSON_RATE, Rates


def test_a_person_may_say_so_much_at_once_and_then_so_much_a_second():
    rates = Rates()
    for _ in range(int(PERSON_BURST)):
        rates.spend("ann", 0.0)
    with pytest.raises(StanzaError) as refused:
        rates.spend("ann", 0.0)
    assert refused.value.condition is StanzaCondition.POLICY_VIOLATION
    assert refused.value.kind is ErrorType.WAIT
    rates.spend("bob", 0.0)
    for _ in range(int(PERSON_RATE)):
        rates.spend("ann", 1.0)
    with pytest.raises(StanzaError):
        rates.spend("ann", 1.0)


def test_a_person_may_make_so_many_rooms():
    rates = Rates()
    for _ in range(int(CREATE_BURST)):
        rates.create("ann", 0.0)
    with pytest.raises(StanzaError):
        rates.create("ann", 0.0)
    rates.create("ann", 60.0)


def test_the_longest_quiet_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PEOPLE_LIMIT", 2)
    monkeypatch.setattr(module, "PERSON_BURST", 1.0)
    rates = Rates()
    for name in ("ann", "bob", "cai"):
        rates.spend(name, 0.0)
    with pytest.raises(StanzaError):
        rates.spend("bob", 0.0)
    rates.spend("ann", 0.0)
