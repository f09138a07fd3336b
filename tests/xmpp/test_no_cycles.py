"""What ends leaves no cycle behind, for the collector seldom looks (``lib/garbage.py``)."""

import gc

from fakes.world import DOMAIN, World, world

BOB = f"bob@{DOMAIN}"


async def visit(here: World, *, orderly: bool) -> None:
    """Let bob come, chat with himself, and go."""
    client = await here.log_in("bob")
    await client.send("<enable xmlns='urn:xmpp:sm:3'/>")
    await client.send("<presence/>")
    await client.send(f"<message to='{BOB}' type='chat' id='1'><body>1</body></message>")
    await client.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    client.read()
    if orderly:
        await client.send("</stream:stream>")
    await client.hang_up()
    await here.advance(60)  # nothing rings for it any more


async def leftovers(here: World, *, orderly: bool) -> set[str]:
    """Return the kinds of objects of ours that only the collector finds after a visit."""
    await visit(here, orderly=orderly)  # what is made once is made now
    gc.collect()
    gc.disable()
    try:
        await visit(here, orderly=orderly)
        await here.settle()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return {
            type(each).__name__
            for each in gc.garbage
            if type(each).__module__.startswith("clarion.")
        }
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_a_session_that_says_goodbye_is_freed_without_the_collector():
    async with world("bob") as here:
        assert await leftovers(here, orderly=True) == set()


async def test_a_session_whose_connection_breaks_is_freed_without_the_collector():
    async with world("bob") as here:
        assert await leftovers(here, orderly=False) == set()
