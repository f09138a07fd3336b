"""XEP-0202."""

from clarion.wire.xmpp.stamps import utc
from clarion.xmpp.ext.entity_time import NS, entity_time
from fakes.household import DOMAIN, children_of, household


async def test_the_server_tells_its_clock_and_the_organisations_offset():
    async with household(entity_time) as house:
        ann = await house.log_in("ann")
        (told,) = children_of(await ann.ask("get", f"<time xmlns='{NS}'/>", DOMAIN))
        assert [(child.tag, child.text) for child in told] == [
            (f"{{{NS}}}tzo", "+00:00"),
            (f"{{{NS}}}utc", utc(house.clock.wall())),
        ]


async def test_the_offset_is_that_of_the_organisations_zone():
    async with household(entity_time) as house:
        house.services.directory._new["time_zone"] = "Asia/Kathmandu"
        ann = await house.log_in("ann")
        assert b"<tzo>+05:45</tzo>" in await ann.ask("get", f"<time xmlns='{NS}'/>", DOMAIN)
