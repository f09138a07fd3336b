"""A stanza flood from one person: it is served, and others are served in between."""

import threading
from collections.abc import Callable

from house.premises import Premises, address
from house.raw_client import SM, RawClient

FLOOD = 20_000  # messages to somebody who is not here, as fast as the server takes them
PIECE = 100  # messages a write, and an acknowledgement asked for behind them
TRIPS = 40  # messages of others and back, while it goes on


def pour(eve: RawClient) -> None:
    """Write everything; the server's reading is what slows it."""
    for begin in range(0, FLOOD, PIECE):
        messages = "".join(
            f"<message to='{address('dan')}' type='chat'><body>{number}</body></message>"
            for number in range(begin, begin + PIECE)
        )
        eve.send(f"{messages}<r xmlns='{SM}'/>")


def follow(eve: RawClient, kept: list[int]) -> None:
    """Note how many are acknowledged, so on disk."""
    while kept[-1] < FLOOD:
        kept.append(int(eve.until(lambda e: e.tag == f"{{{SM}}}a", 30).get("h", "0")))


def test_others_are_served_during_a_flood(
    house: Premises, record_property: Callable[[str, object], None]
):
    kept = [0]
    with (
        house.client("eve", managed=True, present=False) as eve,
        house.client("ann") as ann,
        house.client("bob") as bob,
    ):
        threads = [
            threading.Thread(target=pour, args=(eve,)),
            threading.Thread(target=follow, args=(eve, kept)),
        ]
        for thread in threads:
            thread.start()
        longest = 0
        for number in range(TRIPS):
            before = kept[-1]
            ann.write(bob.full, f"trip {number}")
            bob.message(f"trip {number}")
            bob.write(ann.full, f"back {number}")
            ann.message(f"back {number}")
            longest = max(longest, kept[-1] - before)
        during = kept[-1]
        for thread in threads:
            thread.join(50)
    assert kept[-1] == FLOOD  # all of it
    assert house.rows("SELECT count(*) FROM item WHERE recipient LIKE 'dan@%'") == [(FLOOD,)]
    # Others did not wait for it: all their trips were over while it was still under way, and
    # none of them took as long as a quarter of it.
    assert during < FLOOD
    assert longest < FLOOD / 4
    record_property(
        "told",
        f"a flood of {FLOOD:,}: {TRIPS} round trips of others were over after {during:,} of it; "
        f"at most {longest:,} of it were served within one",
    )
