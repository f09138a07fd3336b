"""The bus: each listener hears its kind, in order, and none hinders another."""

from structlog.testing import capture_logs

from clarion.core.bus import Bus
from clarion.core.events import DepartmentChanged, PersonChanged, PersonDisabled
from clarion.core.model import Person, PersonNumber

ANN = Person(PersonNumber(1), "ann@corp.example", "Ann")


def test_listeners_hear_their_kind_in_order():
    bus, heard = Bus(), []
    for name in ("first", "second"):
        bus.subscribe(PersonChanged, lambda event, name=name: heard.append((name, event)))
    bus.subscribe(DepartmentChanged, lambda event: heard.append(("other", event)))
    bus.publish(PersonChanged(ANN))
    bus.publish(PersonDisabled(ANN))
    assert heard == [("first", PersonChanged(ANN)), ("second", PersonChanged(ANN))]


def test_a_listener_that_fails_is_logged_and_hinders_nobody():
    bus, heard = Bus(), []

    def fail(event: PersonChanged) -> None:
        raise ZeroDivisionError

    bus.subscribe(PersonChanged, fail)
    bus.subscribe(PersonChanged, heard.append)
    with capture_logs() as lines:
        bus.publish(PersonChanged(ANN))
    assert heard == [PersonChanged(ANN)]
    assert [line["event_kind"] for line in lines] == ["PersonChanged"]
