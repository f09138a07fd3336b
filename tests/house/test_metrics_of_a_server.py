"""A scrape of a running server tells what has happened; odd scrapers harm nobody."""

import socket
import urllib.request

from house.premises import HOST, Premises, address

BOB = address("bob")


def scrape(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_the_figures_of_a_conversation(empty: Premises):
    house = empty
    house.furnish(more=f'[metrics]\nlisten = ["{HOST}:0"]')
    house.start()
    port = house.ports["metrics"]
    house.add_people("ann", "bob")
    before = scrape(port)
    assert before["clarion_messages_kept_total"] == 0
    assert before["clarion_last_backup_timestamp_seconds"] == 0
    assert before["clarion_certificate_expires_timestamp_seconds"] > 1e9
    half = [socket.create_connection((HOST, port)) for _ in range(40)]  # none says a word
    for one in half:
        one.close()
    with house.client("ann", managed=True) as ann, house.client("bob", managed=True) as bob:
        ann.write(BOB, "one", "one")
        bob.message("one")
        bob.acknowledge()
        ann.acknowledged()
        ann.iq("get", "<query xmlns='nobody:knows'/>")
        house.saw(lambda line: line.get("event") == "logged in")
        seen = later(port, before)
        assert seen["clarion_messages_kept_total"] == 1
        assert seen["clarion_deliveries_total"] == 1
        assert seen['clarion_sessions{state="connected"}'] == 2
        assert seen['clarion_connections{state="logged_in"}'] == 2
        assert seen['clarion_log_ins_total{result="good"}'] == 2
        assert seen['clarion_refusals_total{condition="service-unavailable"}'] == 1
        assert seen['clarion_stanzas_total{direction="in"}'] >= 4
        assert seen['clarion_stanzas_total{direction="out"}'] >= 2
        assert seen["clarion_store_commit_seconds_count"] > 0
        assert seen["clarion_loop_lag_seconds_count"] > 0
        assert seen["process_resident_memory_bytes"] > 1e7
        build = "clarion_build_info{"
        assert any(name.startswith(build) for name in seen)
    after = later(port, seen)
    assert after["clarion_deliveries_total"] == 1  # what ended sessions did is not forgotten
    assert house.stop() == 0


def later(port: int, before: dict[str, float]) -> dict[str, float]:
    """Scrape until the text is a new one: those of the same second share it."""
    while True:
        seen = scrape(port)
        if seen["clarion_loop_lag_seconds_count"] > before["clarion_loop_lag_seconds_count"]:
            return seen
