"""An organisation for each test."""

from collections.abc import AsyncGenerator

import pytest

from fakes.organisation import Organisation


@pytest.fixture
async def house() -> AsyncGenerator[Organisation, None]:
    organisation = Organisation()
    yield organisation
    organisation.close()
