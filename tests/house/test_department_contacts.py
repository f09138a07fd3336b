"""Two people of one department, with empty rosters of their own, as slixmpp sees them."""

from house.premises import Premises, address
from house.slix_client import slix

ANN, BOB = address("ann"), address("bob")


async def test_two_of_one_department_see_each_other_without_asking(house: Premises):
    house.ask("department.add", department="Sales", name="Sales & Support")
    house.ask("department.join", department=address("sales"), persons=[ANN, BOB])
    async with slix(house, "ann", resource="one") as ann:
        item = ann.client_roster[BOB]
        assert item["subscription"] == "both"
        assert "Sales & Support" in item["groups"]  # another test may have added a department
        async with slix(house, "bob", resource="two") as bob:
            there = await bob.saw("presence_available", lambda p: p["from"].full == f"{ANN}/one")
            assert there["to"].bare == BOB
            await ann.saw("presence_available", lambda p: p["from"].full == f"{BOB}/two")
            bob.send_presence(pshow="away", pstatus="Lunch")
            away = await ann.saw("presence_away", lambda p: p["from"].bare == BOB)
            assert away["status"] == "Lunch"
        await ann.saw("presence_unavailable", lambda p: p["from"].full == f"{BOB}/two")


async def test_who_leaves_while_on_line_is_seen_to_go(house: Premises):
    house.ask("department.add", department="Board")
    house.ask("department.join", department="Board", persons=[address("cai"), address("dan")])
    async with (
        slix(house, "cai", resource="one") as cai,
        slix(house, "dan", resource="two") as dan,
    ):
        await cai.saw("presence_available", lambda p: p["from"].bare == address("dan"))
        house.ask("department.leave", department="Board", persons=[address("dan")])
        await cai.saw("roster_update", lambda iq: removes(iq, address("dan")))
        await cai.saw("presence_unavailable", lambda p: p["from"].bare == address("dan"))
        await dan.saw("presence_unavailable", lambda p: p["from"].bare == address("cai"))
        await dan.saw("roster_update", lambda iq: removes(iq, address("cai")))


async def test_the_version_of_a_roster_outlives_a_restart(house: Premises):
    house.ask("department.add", department="Legal")
    house.ask("department.join", department="Legal", persons=[ANN, BOB])
    async with slix(house, "ann", resource="one") as ann:
        iq = await ann.get_roster()
        version = ann.client_roster.version or iq["roster"]["ver"]
        assert "-" in version
    assert house.stop() == 0
    house.start()
    with house.client("ann", present=False) as raw:
        raw.send(f"<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='{version}'/></iq>")
        answer = raw.next()
        assert (answer.get("id"), answer.get("type"), len(answer)) == ("r", "result", 0)


def removes(iq, contact):
    return iq["roster"]["items"].get(contact, {}).get("subscription") == "remove"
