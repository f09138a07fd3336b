"""The doctor beside a running server, and on one that has a problem."""

import json
from typing import Any

from house.premises import HOST, Premises, clarion


def examined(house: Premises, code: int) -> list[dict[str, Any]]:
    done = clarion("doctor", "--json", "--config", str(house.config))
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads(done.stdout)
    found: list[dict[str, Any]] = report["findings"]
    assert report["bad"] == sum(one["verdict"] == "bad" for one in found)
    assert all(one["advice"] for one in found if one["verdict"] != "good")
    return found


def test_a_running_server_is_well_and_then_not(empty: Premises):
    house = empty
    house.furnish(more=f'[metrics]\nlisten = ["{HOST}:0"]')
    house.start()
    house.add_people("ann")
    found = examined(house, 0)
    assert found[0]["text"].endswith("runs, with 0 sessions")
    ports = [one["text"] for one in found if one["part"] == "ports"]
    assert [text.split()[0] for text in ports] == ["starttls", "tls", "plain", "metrics"]
    assert all(text.endswith("the server answers") for text in ports)
    assert any(one["text"].startswith("the server may open") for one in found)
    (house.folder / "certs" / "server.key").write_text("no key")
    bad = [one for one in examined(house, 1) if one["verdict"] == "bad"]
    assert "holds no private key" in bad[0]["text"]
    with house.client("ann") as ann:  # it only looked
        ann.ping()
    assert house.stop() == 0
    assert examined(house, 1)[0]["text"] == "it does not run"
