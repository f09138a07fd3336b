"""XEP-0199."""

import pytest

from clarion.xmpp.ext.ping import NS, ping
from fakes.household import DOMAIN, household


@pytest.mark.parametrize("to", [None, DOMAIN, f"ann@{DOMAIN}"])
async def test_the_server_answers_for_itself_and_for_the_account(to: str | None):
    async with household(ping) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", f"<ping xmlns='{NS}'/>", to)
        sender = "" if to is None else f" from='{to}'"
        assert answer == f"<iq type='result' id='q1'{sender} to='ann@{DOMAIN}/phone'/>".encode()


async def test_nobody_answers_for_somebody_elses_account():
    async with household(ping) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", f"<ping xmlns='{NS}'/>", f"bob@{DOMAIN}")
        assert b"<service-unavailable" in answer
