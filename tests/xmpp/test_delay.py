"""XEP-0203: what comes late says since when."""

from clarion.lib.ids import seconds
from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stamps import DELAY, utc
from clarion.xmpp.ext.delay import delay
from fakes.household import DOMAIN, household, settle

BOB = f"bob@{DOMAIN}"


async def test_what_waited_is_stamped_by_the_server_with_the_time_it_was_accepted() -> None:
    async with household(delay) as house:
        item = await house.store(f"ann@{DOMAIN}/phone", BOB, "hi")
        house.clock.advance(3600)
        bob = await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        (raw,) = bob.line.take()
        (stamp,) = parse(raw, CLIENT).findall(f"{{{DELAY}}}delay")
        assert stamp.attrib == {"from": DOMAIN, "stamp": utc(seconds(item))}


async def test_what_comes_at_once_has_no_stamp() -> None:
    async with household(delay) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        await ann.say(f"<message to='{BOB}' type='chat'><body>hi</body></message>")
        await settle()
        (raw,) = bob.line.take()
        assert DELAY.encode() not in raw
