"""Whatever a push service answers is a failure with words; whatever is enabled can be written."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.push import (
    BODY_LIMIT,
    ERROR_LIMIT,
    Enabling,
    Summary,
    body_of,
    parse_failure,
    write_notification,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=300)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_a_failure(data: bytes):
    failure = parse_failure(b"<iq type='error'>" + data + b"</iq>")
    assert failure.condition
    assert len(failure.condition) <= ERROR_LIMIT
    assert isinstance(body_of(data), str)


@given(TEXTS, st.sampled_from(["cancel", "wait", "modify", ""]))
@settings(deadline=None)
def test_what_a_service_says_is_cut(text: str, kind: str):
    stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"
    raw = (
        f"<iq type='error'><error type='{kind}'><forbidden xmlns='{stanzas}'/>"
        f"<text xmlns='{stanzas}'>{escape(text)}</text></error></iq>"
    )
    failure = parse_failure(raw.encode())
    assert failure.condition == "forbidden"
    assert failure.transient is (kind == "wait")
    assert len(failure.text) <= ERROR_LIMIT


@given(TEXTS, TEXTS, TEXTS, st.integers(1, 10**9))
@settings(deadline=None)
def test_a_notification_reads_back(node: str, sender: str, body: str, count: int):
    raw = write_notification(
        "corp.example", Enabling("p.example", node), "id", Summary(count, sender, body)
    )
    iq = parse(raw, "jabber:client")
    values = {
        field.get("var"): field.findtext("{jabber:x:data}value") or ""
        for field in iq.iter("{jabber:x:data}field")
    }
    publish = iq.find(".//{http://jabber.org/protocol/pubsub}publish")
    assert publish is not None
    assert publish.get("node", "") == node
    assert values["message-count"] == str(count)
    assert values.get("last-message-sender", "") == sender
    assert values.get("last-message-body", "") == body[:BODY_LIMIT]
