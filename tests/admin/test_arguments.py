"""Arguments are taken by name and type, and none is overlooked."""

import pytest

from clarion.admin.arguments import Arguments
from clarion.lib.errors import UsageError


def test_each_is_taken_by_its_type():
    arguments = Arguments({"a": "x", "b": None, "c": True, "d": 7, "e": [{}]})
    assert arguments.text("a") == "x"
    assert arguments.has("b")
    assert arguments.optional_text("b") is None
    assert arguments.optional_text("missing") is None
    assert arguments.flag("c")
    assert not arguments.flag("missing")
    assert arguments.number("d", 1, 1, 10) == 7
    assert arguments.number("missing", 3, 1, 10) == 3
    assert arguments.records("e") == [{}]
    arguments.finish()


def test_what_is_missing_wrong_or_unknown_is_named():
    with pytest.raises(UsageError, match="a: missing"):
        Arguments({}).text("a")
    with pytest.raises(UsageError, match="a: must be a text"):
        Arguments({"a": 1}).optional_text("a")
    with pytest.raises(UsageError, match="a: must be true or false"):
        Arguments({"a": "yes"}).flag("a")
    for wrong in (0, 11, "5", True, 1.5):
        with pytest.raises(UsageError, match="a: must be 1 to 10"):
            Arguments({"a": wrong}).number("a", 1, 1, 10)
    for wrong in (None, {}, [1], "x"):
        with pytest.raises(UsageError, match="a: must be a list of objects"):
            Arguments({"a": wrong}).records("a")
    with pytest.raises(UsageError, match="a, b: no such argument"):
        Arguments({"b": 1, "a": 2}).finish()
