"""Stanza-ids: a permutation that only the key's holder can undo."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.seal import SEALED_CHARACTERS, Seal
from clarion.lib.errors import UsageError
from clarion.lib.ids import ItemId

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


def test_it_is_aes_128_of_one_block():
    # FIPS 197 appendix B.
    plain = ItemId(bytes.fromhex("3243f6a8885a308d313198a2e0370734"))
    assert Seal(KEY).seal(plain) == "3925841d02dc09fbdc118597196a0b32"


@settings(deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), max_size=5))
def test_every_id_comes_back(ids: list[bytes]):
    seal = Seal(KEY)
    assert [seal.open(seal.seal(ItemId(one))) for one in ids] == ids


def test_neighbours_look_nothing_alike():
    seal = Seal(KEY)
    one, two = (seal.seal(ItemId(number.to_bytes(16, "big"))) for number in (1, 2))
    assert len(one) == SEALED_CHARACTERS
    assert sum(a == b for a, b in zip(one, two, strict=True)) < 16


def test_another_key_gives_other_ids():
    item = ItemId(bytes(16))
    assert Seal(KEY).seal(item) != Seal(bytes(16)).seal(item)


@pytest.mark.parametrize("text", ["", "0", "zz" * 16, "00" * 15, "00" * 17, "00 " * 11, "é" * 32])
def test_what_is_no_stanza_id_is_refused(text: str):
    with pytest.raises(UsageError, match="32 hexadecimal digits"):
        Seal(KEY).open(text)


def test_the_key_has_its_size():
    with pytest.raises(UsageError, match="15 bytes, not 16"):
        Seal(bytes(15))
