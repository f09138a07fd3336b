"""What people want archived, in memory."""

from collections.abc import Mapping

import pytest

from clarion.core.model import PersonNumber
from clarion.core.preferences import (
    EVERYTHING,
    JIDS_LIMIT,
    JIDS_LIMIT_BYTES,
    ArchivePreferences,
    Policy,
    Preferences,
)
from clarion.lib.errors import UnavailableError, UsageError

ANN = PersonNumber(1)
NEVER = Preferences(Policy.NEVER)


class Store:
    """Keeps one mapping; ``full`` keeps nothing."""

    def __init__(self) -> None:
        self.kept: dict[PersonNumber, Preferences] = {}
        self.full = False

    async def load(self) -> Mapping[PersonNumber, Preferences]:
        return self.kept

    async def put(self, owner: PersonNumber, preferences: Preferences) -> None:
        if self.full:
            raise UnavailableError("full")
        self.kept[owner] = preferences


@pytest.mark.parametrize(
    ("jid", "policy"),
    [
        ("bob@x/phone", Policy.ALWAYS),
        ("bob@x", Policy.NEVER),
        ("bob@x/desk", Policy.NEVER),
        ("cai@x", Policy.ALWAYS),
        ("cai@x/any", Policy.ALWAYS),
        ("cai@x/bad", Policy.NEVER),
        ("both@x", Policy.NEVER),
        ("dan@x", Policy.ROSTER),
        ("dan@x/phone", Policy.ROSTER),
    ],
)
def test_a_full_address_says_more_and_never_wins(jid: str, policy: Policy):
    chosen = Preferences(
        Policy.ROSTER,
        always=frozenset({"bob@x/phone", "cai@x", "both@x"}),
        never=frozenset({"bob@x", "cai@x/bad", "both@x"}),
    )
    assert chosen.policy(jid) is policy


async def test_what_was_kept_holds_after_a_restart():
    store = Store()
    first = ArchivePreferences(store)
    await first.choose(ANN, NEVER)
    assert first.of(ANN) == NEVER
    second = ArchivePreferences(store)
    assert second.of(ANN) is None
    await second.load()
    assert second.of(ANN) == NEVER


async def test_who_wants_everything_costs_nothing():
    preferences = ArchivePreferences(Store())
    await preferences.choose(ANN, NEVER)
    await preferences.choose(ANN, EVERYTHING)
    assert preferences.of(ANN) is None


async def test_what_cannot_be_kept_does_not_hold():
    store = Store()
    preferences = ArchivePreferences(store)
    store.full = True
    with pytest.raises(UnavailableError):
        await preferences.choose(ANN, NEVER)
    assert preferences.of(ANN) is None


async def test_the_lists_have_a_limit_in_addresses():
    preferences = ArchivePreferences(Store())
    half = JIDS_LIMIT // 2
    always = frozenset(f"a{n}@x" for n in range(half))
    never = frozenset(f"b{n}@x" for n in range(JIDS_LIMIT - half))
    await preferences.choose(ANN, Preferences(Policy.ALWAYS, always, never))
    with pytest.raises(UsageError, match=f"{JIDS_LIMIT} addresses, not {JIDS_LIMIT + 1}"):
        await preferences.choose(ANN, Preferences(Policy.ALWAYS, always, never | {"c@x"}))


async def test_the_lists_have_a_limit_in_bytes():
    preferences = ArchivePreferences(Store())
    fits = {f"a@x/{n:02}" + "\u00e9" * 1020 for n in range(15)}
    size_bytes = sum(len(jid.encode()) for jid in fits)
    last = "b@x/" + "b" * (JIDS_LIMIT_BYTES - size_bytes - 4)
    await preferences.choose(ANN, Preferences(Policy.ALWAYS, frozenset(fits | {last})))
    with pytest.raises(UsageError, match=f"{JIDS_LIMIT_BYTES} bytes"):
        await preferences.choose(ANN, Preferences(Policy.ALWAYS, frozenset(fits | {last + "b"})))
