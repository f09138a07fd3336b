"""The database is full or locked: the sender is told, nothing is acknowledged, all recovers."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from house.premises import Premises, address
from house.raw_client import CLIENT, RawClient, condition

BOB = address("bob")
MESSAGE = f"{CLIENT}message"


@contextmanager
def database(house: Premises) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(house.database, isolation_level=None, timeout=5)) as connection:
        yield connection


def refused(ann: RawClient, name: str, before: int) -> None:
    """Ann's message comes back as an error, and is not counted until Ann has seen that."""
    ann.answers = False  # nothing is acknowledged without our doing
    ann.write(BOB, "x" * 20_000, name)
    error = ann.until(lambda e: e.get("type") == "error")
    assert (error.tag, error.get("id"), error.get("from")) == (MESSAGE, name, BOB)
    assert condition(error) == "resource-constraint"
    assert ann.acknowledged() == before
    assert ann.acknowledged() == before  # however often Ann asks
    ann.ping()  # a later stanza is not counted either: counters have no holes
    assert ann.acknowledged() == before
    ann.acknowledge()
    assert ann.acknowledged() == before + 2
    ann.answers = True


def kept(house: Premises) -> set[str]:
    return {name for (name,) in house.rows("SELECT origin_id FROM item")}


def test_a_locked_database(house: Premises):
    with house.client("ann", managed=True) as ann, house.client("bob") as bob:
        ann.write(BOB, "before", "before")
        bob.message("before")
        before = ann.acknowledged()
        with database(house) as other:
            other.execute("BEGIN EXCLUSIVE")
            refused(ann, "locked", before)
            ann.ping()  # the server lives on meanwhile
            bob.ping()
            other.execute("ROLLBACK")
        ann.write(BOB, "sent again", "locked")
        bob.message("sent again")
        assert ann.acknowledged() == before + 4
    assert {"before", "locked"} <= kept(house)
    assert house.rows("SELECT count(*) FROM item WHERE origin_id = 'locked'") == [(1,)]


def test_log_in_while_the_database_is_locked(house: Premises):
    with database(house) as other:
        other.execute("BEGIN EXCLUSIVE")
        with house.client("cai", managed=True) as cai:
            cai.ping()
        other.execute("ROLLBACK")


def test_a_full_database(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    assert house.stop() == 0
    with database(house) as connection:  # room that can be given back later
        connection.execute("CREATE TABLE filler (data BLOB)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(400000))")
    house.start({"CLARION_MAX_PAGES": "1"})  # that is: not one page more than there are
    with house.client("ann", managed=True) as ann, house.client("bob") as bob:
        ann.ping()
        refused(ann, "full", ann.acknowledged())
        bob.ping()
        assert "full" not in kept(house)
        before = ann.acknowledged()
        with database(house) as connection:
            connection.execute("DROP TABLE filler")
        ann.write(BOB, "there is room again", "full")
        bob.message("there is room again")
        assert ann.acknowledged() == before + 1
    assert kept(house) == {"full"}
    house.saw(lambda line: line.get("event") == "the store works again")
    told = [line["event"] for line in house.events() if line.get("part") == "store"]
    assert told == ["the store fails", "the store works again"]  # once each, not once a message
    assert house.stop() == 0


def test_after_a_full_database_a_larger_one_goes_on(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    assert house.stop() == 0
    house.start({"CLARION_MAX_PAGES": "1"})
    with house.client("ann", managed=True) as ann:
        ann.ping()
        refused(ann, "full", ann.acknowledged())
    assert house.stop() == 0
    house.start()
    with house.client("ann", managed=True) as ann, house.client("bob") as bob:
        ann.write(BOB, "again", "full")
        bob.message("again")
        ann.acknowledged()
    assert house.stop() == 0
    assert kept(house) == {"full"}
