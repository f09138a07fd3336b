"""The names of payloads: each in one place, and the sets hold what their specifications list."""

from pathlib import Path

import pytest

import clarion
from clarion.wire.xmpp import payloads

NAMES = {
    name: value
    for name, value in vars(payloads).items()
    if name.isupper() and isinstance(value, str) and name not in {"CLIENT", "DELAY", "MARKERS"}
}


def test_no_name_is_given_twice():
    assert len(set(NAMES.values())) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "THREAD"])
def test_no_other_file_of_the_door_writes_a_namespace_again(name: str):
    namespace = NAMES[name].removeprefix("{").partition("}")[0]
    here = Path(clarion.__file__).parent
    files = [*here.glob("wire/**/*.py"), *here.glob("xmpp/**/*.py")]
    writing = {
        path.name
        for path in files
        if any(
            f"{before}{namespace}{after}" in path.read_text("utf-8")
            for before, after in [('"', '"'), ("'", "'"), ("{", "}")]
        )
    }
    where = "stamps.py" if namespace in {payloads.MARKERS, payloads.DELAY} else "payloads.py"
    assert writing == {where}


def test_all_chat_states():  # XEP-0085 section 12
    assert {
        f"{{{payloads.CHAT_STATES}}}{state}"
        for state in ("active", "composing", "gone", "inactive", "paused")
    } == payloads.STATES


def test_all_hints():  # XEP-0334 section 9
    assert {
        f"{{{payloads.HINTS_NS}}}{hint}"
        for hint in ("no-copy", "no-permanent-store", "no-store", "store")
    } == payloads.HINTS
