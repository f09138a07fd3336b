"""XEP-0060 and XEP-0163: what is answered and told, to the byte."""

from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp import pubsub_answers as say
from clarion.wire.xmpp.node_config import NS, NodeConfig, config_form
from clarion.wire.xmpp.pubsub_owner import OWNER
from clarion.wire.xmpp.result_set import RsmAnswer


def test_items():
    items = [say.Written("a", b"<x xmlns='y'/>"), say.Written("b"), say.Written("")]
    assert (
        say.items_answer("n", map(say.item_element, items))
        == (
            f"<pubsub xmlns='{NS}'><items node='n'><item id='a'><x xmlns='y'/></item>"
            "<item id='b'/><item/></items></pubsub>"
        ).encode()
    )
    assert say.items_answer("n", ()) == f"<pubsub xmlns='{NS}'><items node='n'/></pubsub>".encode()
    page = say.items_answer("n", (), RsmAnswer(count=3))
    assert b"<set xmlns='http://jabber.org/protocol/rsm'><count>3</count></set>" in page


def test_events():
    event = "http://jabber.org/protocol/pubsub#event"
    assert say.items_event("n", say.Written("a")) == (
        f"<event xmlns='{event}'><items node='n'><item id='a'/></items></event>".encode()
    )
    assert (
        say.items_event("n", None) == f"<event xmlns='{event}'><items node='n'/></event>".encode()
    )
    assert b"<items node='n'><retract id='a'/><retract id='b'/>" in say.retract_event("n", "ab")
    assert b"<purge node='n'/>" in say.purge_event("n")
    assert b"<delete node='n'/>" in say.delete_event("n")


def test_forms_are_in_the_namespace_of_owners():
    form = config_form(NodeConfig())
    for answer in (say.configuration_answer("n", form), say.default_answer(form)):
        assert answer.startswith(f"<pubsub xmlns='{OWNER}'>".encode())
        assert parse(answer).find(".//{jabber:x:data}x") is not None


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_nodes_and_items_are_called_it_is_xml(node: str, item: str):
    written = say.Written(item, b"<x xmlns='y'/>")
    for told in (
        say.items_answer(node, [say.item_element(written)]),
        say.published_answer(node, item),
        say.created_answer(node),
        say.affiliations_answer([(node, "owner")], item),
        say.subscription_answer(node, item, subscribed=True),
        say.subscriptions_answer([(node, item)], node),
        say.parties_answer(node, item, [(node, "member")]),
        say.subscribers_answer(node, [item]),
        say.configuration_event(node, None),
        say.items_event(node, written),
        say.retract_event(node, [item]),
        say.Notification(node, say.purge_event(node), item, at=0.0).to(item),
    ):
        parse(told)


def test_a_notification_is_written_once_and_addressed_to_many():
    notice = say.Notification("ann@corp.example", b"<event/>", "i1")
    assert notice.to("bob@corp.example/x") == (
        b"<message to='bob@corp.example/x' from='ann@corp.example' type='headline' id='i1'>"
        b"<event/></message>"
    )
    assert say.addressed(notice.raw, "c") == notice.to("c")
    late = say.Notification("ann@corp.example", b"<event/>", "i1", headline=False, at=1.5)
    assert late.to("c") == (
        b"<message to='c' from='ann@corp.example' id='i1'><event/>"
        b"<delay xmlns='urn:xmpp:delay' from='ann@corp.example' stamp='1970-01-01T00:00:01.500Z'/>"
        b"</message>"
    )
