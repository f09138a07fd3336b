"""XEP-0092."""

from clarion import __version__
from clarion.xmpp.ext.version import NS, version
from fakes.household import DOMAIN, children_of, household


async def test_the_server_tells_name_and_version_and_nothing_else():
    async with household(version) as house:
        ann = await house.log_in("ann")
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{NS}'/>", DOMAIN))
        assert [(child.tag, child.text) for child in query] == [
            (f"{{{NS}}}name", "Clarion"),
            (f"{{{NS}}}version", __version__),
        ]


async def test_accounts_have_no_version():
    async with household(version) as house:
        ann = await house.log_in("ann")
        for to in (None, f"bob@{DOMAIN}"):
            assert b"<service-unavailable" in await ann.ask("get", f"<query xmlns='{NS}'/>", to)
