"""XEP-0292: what the directory says of somebody in the fourth form, and what is theirs."""

from clarion.wire.xml import parse
from clarion.xmpp.ext import ALL
from clarion.xmpp.vcard4 import NODE, NS, directory_part, ruled
from fakes.household import DOMAIN, household

PUBSUB = "http://jabber.org/protocol/pubsub"
ANN = f"ann@{DOMAIN}"


async def test_everything_the_directory_knows():
    async with household(*ALL) as house:
        directory = house.services.directory
        await directory.change_person(ANN, name="Ann Mary Lee", phone="+49 30 123456")
        elements = directory_part(directory, house.person("ann"), 0.0)
        told = {one.tag.rpartition("}")[2]: "".join(one.itertext()) for one in elements}
        assert told["fn"] == "Ann Mary Lee"
        assert told["n"] == "LeeAnn Mary"
        assert told["tel"] == "workvoicetel:+4930123456"
        assert told["impp"] == f"workxmpp:{ANN}"
        # and a client may publish the whole card as it got it
        ann = await house.log_in("ann")
        asked = f"<pubsub xmlns='{PUBSUB}'><items node='{NODE}'/></pubsub>"
        raw = (await ann.ask("get", asked)).decode()
        card = raw[raw.index("<vcard") : raw.index("</item>")]
        publish = f"<publish node='{NODE}'><item>{card}</item></publish>"
        answer = await ann.ask("set", f"<pubsub xmlns='{PUBSUB}'>{publish}</pubsub>")
        assert b"type='result'" in answer
        raw = (await ann.ask("get", asked)).decode()
        assert raw.count("<fn>") == 1


async def test_a_feature_says_so():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        assert f"<feature var='{NS}'/>".encode() in await ann.ask("get", query, ANN)


def test_what_is_marked_home_is_one_s_own():
    def one(inner: str) -> bool:
        return ruled(parse(f"<email xmlns='{NS}'>{inner}<text>a@b</text></email>".encode()))

    assert one("")
    assert one("<parameters><type><text>work</text></type></parameters>")
    assert not one("<parameters><type><text>HOME</text></type></parameters>")
    assert ruled(parse(f"<fn xmlns='{NS}'/>".encode()))
    assert not ruled(parse(f"<nickname xmlns='{NS}'/>".encode()))
