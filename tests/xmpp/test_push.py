"""XEP-0357: when push services are told, what they are told, and what their answers lead to."""

from pathlib import Path

import pytest

from clarion.config.load import from_mapping
from clarion.config.server import LimitsConfig
from clarion.core.events import PoliciesChanged
from clarion.wire.xmpp.push import BODY_LIMIT
from clarion.xmpp.push_decision import PAUSE
from clarion.xmpp.pushing import ANSWER_TIME, FAILURES_LIMIT
from fakes.world import DOMAIN, FakeClient, World, world

NS = "urn:xmpp:push:0"
PUBSUB = "{http://jabber.org/protocol/pubsub}"
FORMS = "{jabber:x:data}"
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
SERVICE = f"app@{DOMAIN}/push"
ENABLE = f"<iq type='set' id='on'><enable xmlns='{NS}' jid='{SERVICE}' node='n'/></iq>"
DISABLE = f"<iq type='set' id='off'><disable xmlns='{NS}' jid='{SERVICE}'/></iq>"
CSI = "urn:xmpp:csi:0"
SM = "urn:xmpp:sm:3"


async def enabled(here: World, request: str = ENABLE) -> FakeClient:
    """Ann's telephone asks for notifications and leaves; returns the push service."""
    app = await here.log_in("app", "push")
    ann = await here.log_in("ann")
    await ann.send(request)
    assert ann.read()[-1].get("type") == "result"
    await ann.send("</stream:stream>")
    return app


def told(app: FakeClient) -> list[dict[str, str]]:
    """Return the fields of the notifications that came."""
    found = []
    for iq in app.read():
        if iq.find(f"{PUBSUB}pubsub") is None:
            continue
        form = iq.find(f".//{{{NS}}}notification/{FORMS}x")
        assert form is not None
        found.append(
            {
                str(field.get("var")): field.findtext(f"{FORMS}value") or ""
                for field in form.iter(f"{FORMS}field")
            }
        )
    return found


def counts(app: FakeClient) -> list[str]:
    return [one["message-count"] for one in told(app)]


def record(here: World) -> list[tuple[str, str]]:
    person = here.directory.person(ANN)
    assert person is not None
    (device,) = here.devices.of(person.number)
    return [(one.what, one.why) for one in here.devices.record(device.key)]


async def write(here: World, client: FakeClient, body: str = "hello", to: str = ANN) -> None:
    await client.send(f"<message to='{to}' type='chat'><body>{body}</body></message>")


async def answer(app: FakeClient, kind: str = "result", inner: str = "") -> None:
    """Answer the notification that came last."""
    asked = [iq for iq in app.read() if iq.find(f"{PUBSUB}pubsub") is not None][-1]
    await app.send(f"<iq type='{kind}' id='{asked.get('id')}' to='{DOMAIN}'>{inner}</iq>")


async def test_accounts_have_the_feature():
    async with world("ann") as here:
        assert NS in here.door.switchboard.account_features


async def test_who_is_off_line_is_told_of_the_first_message_at_once():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await write(here, bob)
        (iq,) = app.read()
        assert (iq.get("from"), iq.get("to"), iq.get("type")) == (DOMAIN, SERVICE, "set")
        publish = iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish")
        assert publish is not None
        assert publish.get("node") == "n"
        notification = publish.find(f"{PUBSUB}item/{{{NS}}}notification")
        assert notification is not None
        values = [
            (field.get("var"), field.findtext(f"{FORMS}value"))
            for field in notification.iter(f"{FORMS}field")
        ]
        # Nothing of who wrote what: that is for the operator to allow.
        assert values == [("FORM_TYPE", "urn:xmpp:push:summary"), ("message-count", "1")]
        assert iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish-options") is None


async def test_options_go_with_each_notification():
    form = (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        "<value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
        "<field var='secret'><value>hush</value></field></x>"
    )
    request = ENABLE.replace("'n'/>", f"'n'>{form}</enable>")
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here, request), await here.log_in("bob")
        await write(here, bob)
        (iq,) = app.read()
        found = iq.find(f"{PUBSUB}pubsub/{PUBSUB}publish-options/{FORMS}x")
        assert found is not None
        assert found.get("type") == "submit"
        values = [value.text for value in found.iter(f"{FORMS}value")]
        assert values == ["http://jabber.org/protocol/pubsub#publish-options", "hush"]


@pytest.mark.parametrize(
    ("show", "fields"),
    [
        ("nothing", {}),
        ("sender", {"last-message-sender": BOB}),
        ("text", {"last-message-sender": BOB, "last-message-body": "x" * BODY_LIMIT}),
    ],
)
async def test_the_operator_says_what_is_shown(show: str, fields: dict[str, str]):
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        config = from_mapping({"push": {"show": show}}, Path("/etc/clarion"))
        assert here.services.pusher is not None
        here.services.pusher.take_policies(PoliciesChanged(config, ("push.show",)))
        await write(here, bob, "x" * (BODY_LIMIT + 5))
        (one,) = told(app)
        assert {k: v for k, v in one.items() if k.startswith("last")} == fields


async def test_what_nobody_reads_is_not_told():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await bob.send(
            f"<message to='{ANN}' type='chat'>"
            "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
            f"<message to='{ANN}' id='r'><received xmlns='urn:xmpp:receipts' id='1'/></message>"
        )
        assert told(app) == []
        assert record(here) == []


async def test_more_is_told_in_one_more_when_a_while_has_passed():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        for _ in range(3):
            await write(here, bob)
        assert counts(app) == ["1"]
        await here.advance(PAUSE - 1)
        assert counts(app) == []
        await here.advance(1.5)
        assert counts(app) == ["3"]
        await here.advance(10 * PAUSE)
        assert counts(app) == []
        assert [what for what, _ in record(here)][:2] == ["sent", "coalesced"]
        await write(here, bob)
        assert counts(app) == ["4"]


async def test_a_call_does_not_wait():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await write(here, bob)
        await bob.send(
            f"<message to='{ANN}' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='c'/>"
            "<store xmlns='urn:xmpp:hints'/></message>"
        )
        assert counts(app) == ["1", "2"]
        assert record(here)[-1] == ("sent", "it cannot wait")


async def test_while_a_session_is_active_nothing_is_told():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        desk = await here.log_in("ann", "desk")
        await desk.send("<presence/>")
        await write(here, bob)
        await write(here, bob)
        assert told(app) == []
        assert record(here) == [("held back", "desk was active")]


async def test_an_inactive_session_has_it_and_is_told_all_the_same():
    for limits in (LimitsConfig(), LimitsConfig(held_stanzas=0)):
        async with world("ann", "bob", "app", limits=limits) as here:
            app, bob = await enabled(here), await here.log_in("bob")
            phone = await here.log_in("ann", "phone")
            await phone.send(f"<presence/><inactive xmlns='{CSI}'/>")
            await write(here, bob)
            assert counts(app) == ["1"]
            await write(here, bob)
            await phone.send(f"<active xmlns='{CSI}'/>")
            await here.advance(2 * PAUSE)
            assert counts(app) == []  # somebody has looked meanwhile
            await write(here, bob)
            assert told(app) == []
            await phone.send(f"<inactive xmlns='{CSI}'/>")
            await write(here, bob)
            assert counts(app) == ["1"]


async def test_a_session_without_a_connection_counts_as_nobody():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        phone = await here.log_in("ann", "phone")
        await phone.send(f"<presence/><enable xmlns='{SM}' resume='true'/>")
        await phone.hang_up()
        assert told(app) == []
        await write(here, bob)
        assert counts(app) == ["1"]


@pytest.mark.parametrize("managed", [True, False])
async def test_what_was_never_confirmed_is_told_when_the_connection_breaks(managed: bool):
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        phone = await here.log_in("ann", "phone")
        await phone.send("<presence/>")
        if managed:
            await phone.send(f"<enable xmlns='{SM}' resume='true'/>")
        await write(here, bob)
        await write(here, bob)
        assert told(app) == []
        await phone.hang_up()
        assert counts(app) == ["2"]


async def test_what_was_confirmed_is_not_told():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        phone = await here.log_in("ann", "phone")
        await phone.send(f"<presence/><enable xmlns='{SM}' resume='true'/>")
        before = len([one for one in phone.read() if not one.tag.startswith(f"{{{SM}}}")])
        assert before
        await write(here, bob)
        got = [one for one in phone.read() if one.tag.endswith("}message")]
        assert len(got) == 1
        await phone.send(f"<a xmlns='{SM}' h='1'/>")
        await phone.hang_up()
        assert told(app) == []


async def test_ones_own_messages_are_not_told():
    async with world("ann", "app") as here:
        app = await enabled(here)
        desk = await here.log_in("ann", "desk")
        await write(here, desk)
        assert told(app) == []


async def test_disabled_is_silent_and_enabled_again_is_not():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        ann = await here.log_in("ann")
        await ann.send(DISABLE + DISABLE)
        assert [one.get("type") for one in ann.read()] == ["result", "result"]
        await ann.send("</stream:stream>")
        await write(here, bob)
        assert told(app) == []
        ann = await here.log_in("ann")
        await ann.send(ENABLE + DISABLE.replace("/></iq>", " node='other'/></iq>"))
        await ann.send("</stream:stream>")
        await write(here, bob)
        assert counts(app) == ["1"]


@pytest.mark.parametrize(
    ("request_", "condition"),
    [
        (f"<enable xmlns='{NS}'/>", "bad-request"),
        (f"<enable xmlns='{NS}' jid='@@'/>", "jid-malformed"),
        (f"<enable xmlns='{NS}' jid='{DOMAIN}'/>", "item-not-found"),
        (f"<enable xmlns='{NS}' jid='{BOB}'/>", "item-not-found"),
        (f"<enable xmlns='{NS}' jid='p.example' node='{'n' * 1024}'/>", "bad-request"),
        (
            (
                f"<enable xmlns='{NS}' jid='p.example'>"
                "<x xmlns='jabber:x:data' type='submit'/></enable>"
            ),
            "bad-request",
        ),
        (f"<disable xmlns='{NS}'/>", "bad-request"),
    ],
)
async def test_refusals(request_: str, condition: str):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        await ann.send(f"<iq type='set' id='x'>{request_}</iq>")
        error = ann.read()[-1].find("{jabber:client}error")
        assert error is not None
        assert error.find(f"{{urn:ietf:params:xml:ns:xmpp-stanzas}}{condition}") is not None


async def test_an_answer_is_noted_and_a_forged_one_is_not():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await write(here, bob)
        (asked,) = app.read()
        forged = f"<iq type='error' id='{asked.get('id')}' to='{DOMAIN}'/>"
        await bob.send(forged)
        assert record(here) == [("sent", "nobody looked")]
        await app.send(forged.replace("'error'", "'result'"))
        assert record(here)[-1] == ("answered", "the push service took it")
        await here.advance(ANSWER_TIME + 1)
        assert record(here)[-1][0] == "answered"


def error_of(condition: str, kind: str, text: str = "") -> str:
    stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"
    said = f"<text xmlns='{stanzas}'>{text}</text>" if text else ""
    return f"<error type='{kind}'><{condition} xmlns='{stanzas}'/>{said}</error>"


async def test_a_lasting_error_ends_it_until_the_client_asks_again():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await write(here, bob)
        await answer(app, "error", error_of("item-not-found", "cancel", "no such device"))
        said = "item-not-found: no such device"
        assert record(here)[-2:] == [("error", said), ("given up", said)]
        await here.advance(10 * PAUSE)
        await write(here, bob)
        assert told(app) == []
        person = here.directory.person(ANN)
        assert person is not None
        assert here.devices.of(person.number)[0].error == said
        ann = await here.log_in("ann")
        await ann.send(ENABLE)
        await ann.send("</stream:stream>")
        await write(here, bob)
        assert counts(app) != []


async def test_transient_errors_end_it_after_some():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        for number in range(FAILURES_LIMIT):
            await here.advance(PAUSE)
            await write(here, bob)
            if number == 1:
                await answer(app)  # one that works in between begins the count anew
                await here.advance(PAUSE)
                await write(here, bob)
        for _ in range(FAILURES_LIMIT):
            await here.advance(PAUSE)
            await write(here, bob)
        await here.advance(ANSWER_TIME)
        person = here.directory.person(ANN)
        assert person is not None
        error = here.devices.of(person.number)[0].error
        assert error == (
            f"remote-server-timeout: no answer within {ANSWER_TIME:.0f} s"
            f" ({FAILURES_LIMIT} in a row)"
        )


async def test_a_service_that_is_off_line_is_an_error():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await app.send("</stream:stream>")
        await write(here, bob)
        assert record(here) == [
            ("sent", "nobody looked"),
            ("error", "service-unavailable: it is not on line"),
        ]


async def test_a_domain_that_cannot_be_reached_is_an_error():
    request = ENABLE.replace(SERVICE, "push.client.example")
    async with world("ann", "bob", "app") as here:
        await enabled(here, request)
        bob = await here.log_in("bob")
        await write(here, bob)
        await here.advance(ANSWER_TIME)
        assert record(here)[-1][0] == "error"
        assert [one.tag for one in bob.read() if one.find("{jabber:client}error") is not None] == []


async def test_who_is_deleted_is_forgotten():
    async with world("ann", "bob", "app") as here:
        app, bob = await enabled(here), await here.log_in("bob")
        await write(here, bob)
        await write(here, bob)
        assert counts(app) == ["1"]
        await here.directory.delete(ANN)
        await here.settle()
        assert not here.devices.any
        await here.advance(2 * PAUSE)
        assert counts(app) == []
        assert await here.database.read("SELECT * FROM push_device") == []
