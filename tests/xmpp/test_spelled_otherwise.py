"""A recipient's address in another spelling (RFC 7622) is the same address everywhere."""

from fakes.world import DOMAIN, world

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
MESSAGE = "<message to='BOB@Corp.Example{at}' type='chat' id='m'><body>x</body></message>"
FORM = (
    "<x xmlns='jabber:x:data' type='submit'>"
    "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
    f"<field var='with'><value>{BOB}/phone</value></field></x>"
)


async def test_the_ledger_knows_the_reader():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        await ann.send(MESSAGE.format(at=""))
        ((_, entry),) = await here.ledger.show_thread(ANN, BOB, 10)
        assert entry.reader == BOB


async def test_a_contact_is_a_contact_for_the_archive():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        item = f"<query xmlns='jabber:iq:roster'><item jid='{BOB}'/></query>"
        await ann.send(f"<iq type='set' id='r'>{item}</iq>")
        await ann.send(
            "<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='roster'/></iq>"
        )
        await ann.send(MESSAGE.format(at=""))
        ann.read()
        await ann.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
        assert len(ann.read()) == 2


async def test_a_search_by_full_jid_finds_it():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        await ann.send(MESSAGE.format(at="/phone"))
        ann.read()
        await ann.send(f"<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'>{FORM}</query></iq>")
        assert len(ann.read()) == 2
