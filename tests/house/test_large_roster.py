"""A person with a full roster logs in like anybody, with XEP-0198 and without."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest

from clarion.xmpp.roster_book import ROSTER_LIMIT
from house.premises import DOMAIN, Premises, open_house

BYTES = 230  # of an item; the limit has room for 260


@pytest.fixture(scope="module")
def house():
    with open_house(people=("ann", "bob")) as running:
        assert running.stop() == 0
        fill(running)
        running.start()
        yield running
        assert running.stop() == 0


def fill(house: Premises) -> None:
    with closing(sqlite3.connect(house.database)) as connection, connection:
        (owner,) = connection.execute(
            "SELECT number FROM party WHERE address LIKE 'ann@%'"
        ).fetchone()
        connection.execute("INSERT INTO roster VALUES (?, ?)", (owner, ROSTER_LIMIT))
        connection.executemany(
            "INSERT INTO roster_item VALUES (?, ?, ?, ?, 0, 0, NULL, 1, ?)",
            (
                (
                    owner,
                    f"contact{number:05}@{DOMAIN}",
                    "Firstname Surname ".ljust(90, "x"),
                    "both",
                    '["Colleagues"]',
                )
                for number in range(ROSTER_LIMIT)
            ),
        )


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("managed", [True, False])
def test_the_whole_roster_comes_and_others_are_answered_meanwhile(
    house: Premises, way: str, managed: bool
):
    slowest: list[float] = []
    over = threading.Event()
    with house.client("bob", resource=f"{way}{managed}") as bob:

        def pings() -> None:
            while not over.is_set():
                began = time.monotonic()
                bob.ping()
                slowest.append(time.monotonic() - began)

        thread = threading.Thread(target=pings)
        thread.start()
        try:
            with house.client("ann", way=way, managed=managed, present=False) as ann:
                began = time.monotonic()
                answer = ann.iq("get", "<query xmlns='jabber:iq:roster'/>")
                took = time.monotonic() - began
                assert len(answer[0]) == ROSTER_LIMIT
                ann.send("<presence/>")
                assert ann.ping() < 5
                if managed:
                    ann.acknowledge()
                    assert ann.ping() < 5
        finally:
            over.set()
            thread.join()
    print(f"{way} {managed}: took {took:.3f} s; slowest ping {max(slowest) * 1000:.1f} ms")
    assert max(slowest) < 1  # generous: two cores may be shared by everything else
