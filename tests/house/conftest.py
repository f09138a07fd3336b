"""Fixtures of the house tests: a running server, one for all tests of a file."""

from collections.abc import Iterator

import pytest

from house.premises import Premises, open_house, premises


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name != "house":
            continue
        item.add_marker(pytest.mark.house)
        if "house" in getattr(item, "fixturenames", ()):
            # With xdist, a file's tests go to one worker, and share its server.
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    """A server with ordinary settings and four people."""
    with open_house() as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def empty() -> Iterator[Premises]:
    """Premises where nothing runs and nothing is configured yet."""
    with premises() as place:
        yield place
