"""Ad-hoc commands as an ordinary client does them: slixmpp's XEP-0050 and XEP-0133."""

import asyncio
from typing import Any

import pytest

from house.premises import DOMAIN, PASSWORDS, SOON, Premises, address
from house.raw_client import RefusedError
from house.slix_client import SlixClient, slix

ADMIN = "http://jabber.org/protocol/admin#"


async def filled(client: SlixClient, start: Any, **fields: Any) -> Any:
    """Begin a command with ``start``, fill in its form and complete it, as slixmpp does."""
    over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def fill(iq: Any, session: dict[str, Any]) -> None:
        form = client.plugin["xep_0004"].make_form(ftype="submit")
        for name, value in fields.items():
            form.add_field(var=name, value=value)
        session["payload"] = form
        session["next"] = lambda done, _: over.set_result(done)
        client.plugin["xep_0050"].complete_command(session)

    def fail(iq: Any, session: dict[str, Any]) -> None:
        over.set_exception(AssertionError(str(iq)))

    start(session={"next": fill, "error": fail})
    return await asyncio.wait_for(over, SOON)


async def listed(client: SlixClient, jid: str) -> set[str]:
    found = await client.plugin["xep_0050"].get_commands(jid, timeout=SOON)
    return {node for _, node, _ in found["disco_items"]["items"]}


def with_commands(client: SlixClient) -> SlixClient:
    for plugin in ("0004", "0050", "0133"):
        client.register_plugin(f"xep_{plugin}")
    return client


async def test_an_administrator_adds_and_deletes_somebody(house: Premises):
    house.ask("person.set", address=address("ann"), admin=True)
    password = "ivo-came-by-a-form"
    house.secrets.add(password)
    async with slix(house, "ann", resource="boss") as ann:
        admin = with_commands(ann).plugin["xep_0133"]
        assert f"{ADMIN}add-user" in await listed(ann, DOMAIN)
        for _ in range(2):  # the address is free again afterwards
            done = await filled(ann, admin.add_user, accountjid=address("ivo"), password=password)
            assert done["command"]["status"] == "completed"
            with house.connect("tls") as client:
                client.log_in("ivo", password)
                client.bind("desk")
                client.ping()
            await filled(ann, admin.delete_user, accountjids=[address("ivo")])
            with house.connect("tls") as client, pytest.raises(RefusedError):
                client.log_in("ivo", password)
        assert house.rows("SELECT count(*) FROM party WHERE address = ?", (address("ivo"),)) == [
            (0,)
        ]


async def test_an_administrator_announces_and_counts(house: Premises):
    house.ask("person.set", address=address("ann"), admin=True)
    async with slix(house, "ann", resource="boss") as ann, slix(house, "bob") as bob:
        with_commands(ann)
        await filled(ann, ann.plugin["xep_0133"].announce, announcement=["Lunch is ready."])
        got = await bob.saw("message", lambda m: m["body"])
        assert (got["body"], got["type"], got["from"]) == ("Lunch is ready.", "headline", DOMAIN)
        answer = await ann.plugin["xep_0050"].send_command(
            DOMAIN, f"{ADMIN}get-online-users-num", timeout=SOON
        )
        assert answer["command"]["form"]["values"]["onlineusersnum"] == "2"


async def test_who_has_read(house: Premises):
    async with slix(house, "cai", resource="one") as cai, slix(house, "dan") as dan:
        with_commands(cai)
        assert "clarion:readers" in await listed(cai, DOMAIN)
        assert not any(node.startswith(ADMIN) for node in await listed(cai, DOMAIN))
        message = cai.make_message(mto=address("dan"), mbody="Read this", mtype="chat")
        message["id"] = "read-this"
        message.send()
        got = await dan.saw("message", lambda m: m["body"] == "Read this")
        dan.plugin["xep_0333"].send_marker(mto=got["from"], id="read-this", marker="displayed")
        await cai.saw("marker_displayed")

        def ask(session: dict[str, Any]) -> None:
            cai.plugin["xep_0050"].start_command(address("dan"), "clarion:readers", session)

        done = await filled(cai, ask, item="")
        form = done["command"]["form"]
        assert [(row["reader"], row["state"]) for row in form["items"]] == [
            (address("dan"), "read")
        ]
        assert ("info", "read by 1 of 1") in done["command"]["notes"]
        assert "read by 1 of 1" in str(form)


def test_nobody_registers_unless_the_operator_says_so(house: Premises):
    with house.connect("plain") as client:
        client.open()
        client.send("<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>")
        answer = client.until(lambda element: element.get("id") == "r")
        assert answer.find(".//{*}service-unavailable") is not None
    assert set(PASSWORDS) >= {"ann"}
