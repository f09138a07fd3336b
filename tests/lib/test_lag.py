from clarion.lib.lag import INTERVAL, LoopLag
from fakes.clock import FakeClock


class LateClock(FakeClock):
    """Rings on time, and is late when somebody looks."""

    late = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late


async def test_it_sees_how_late_the_loop_is():
    clock = LateClock()
    lag = LoopLag(clock)
    async with lag.serve():
        clock.advance(INTERVAL)
        clock.late = 0.02
        clock.advance(INTERVAL)
    (family,) = lag.figures()
    values = {sample.labels.get("le"): sample.value for sample in family.samples}
    assert values["0.001"] == 1
    assert values["0.025"] == 2
    assert clock.pending == 0
