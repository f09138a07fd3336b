"""RFC 3921 section 3."""

from clarion.xmpp.ext.session_compat import NS, session_compat
from fakes.household import DOMAIN, household


async def test_an_old_client_gets_its_session():
    async with household(session_compat) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("set", f"<session xmlns='{NS}'/>")
        assert answer == f"<iq type='result' id='q1' to='ann@{DOMAIN}/phone'/>".encode()
        assert b"type='result'" in await ann.ask("set", f"<session xmlns='{NS}'/>", DOMAIN)


def test_the_stream_offers_it_itself():
    assert session_compat.card.stream_features == b""
