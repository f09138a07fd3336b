import pytest

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import (
    STANZA_ERRORS,
    STREAM_ERRORS,
    ErrorType,
    StanzaCondition,
    StanzaError,
    StreamCondition,
    StreamError,
    error_reply,
    may_answer,
)
from clarion.wire.xmpp.stanza import Stanza

CLIENT = "jabber:client"


def stanza(name: str, **attributes: str) -> Stanza:
    return Stanza(f"{{{CLIENT}}}{name}", attributes, (), b"<secret/>")


def test_every_condition_of_the_rfc():
    assert len(StreamCondition) == 25  # section 4.9.3
    assert len(StanzaCondition) == 22  # section 8.3.3


@pytest.mark.parametrize("condition", StreamCondition)
def test_stream_error(condition: StreamCondition):
    error = StreamError(condition, "a < b")
    assert isinstance(error, PeerError)
    assert str(error) == "a < b"
    assert (
        error.to_bytes()
        == (
            f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'/>"
            f"<text xmlns='{STREAM_ERRORS}'>a &lt; b</text></stream:error>"
        ).encode()
    )


def test_stream_error_with_all_its_parts():
    error = StreamError(
        StreamCondition.SEE_OTHER_HOST, application=b"<x xmlns='u'/>", other_host="[::1]:5222"
    )
    assert str(error) == "see-other-host"
    assert (
        error.to_bytes()
        == (
            f"<stream:error><see-other-host xmlns='{STREAM_ERRORS}'>[::1]:5222</see-other-host>"
            "<x xmlns='u'/></stream:error>"
        ).encode()
    )


@pytest.mark.parametrize("condition", StanzaCondition)
def test_stanza_error_has_a_type_by_default(condition: StanzaCondition):
    tree = parse(StanzaError(condition, "why").to_bytes(), CLIENT)
    assert tree.tag == f"{{{CLIENT}}}error"
    assert tree.get("type") in set(ErrorType)
    assert [child.tag for child in tree] == [
        f"{{{STANZA_ERRORS}}}{condition}",
        f"{{{STANZA_ERRORS}}}text",
    ]
    assert tree[1].text == "why"


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (StanzaCondition.SERVICE_UNAVAILABLE, "cancel"),
        (StanzaCondition.FORBIDDEN, "auth"),
        (StanzaCondition.BAD_REQUEST, "modify"),
        (StanzaCondition.RESOURCE_CONSTRAINT, "wait"),
    ],
)
def test_type_by_condition(condition: StanzaCondition, kind: str):
    assert StanzaError(condition).kind == kind


def test_stanza_error_with_all_its_parts():
    error = StanzaError(
        StanzaCondition.GONE, kind=ErrorType.WAIT, application=b"<x xmlns='u'/>", uri="xmpp:a@b?'"
    )
    assert (
        error.to_bytes("me'")
        == (
            f"<error type='wait' by='me&apos;'><gone xmlns='{STANZA_ERRORS}'>xmpp:a@b?&apos;</gone>"
            "<x xmlns='u'/></error>"
        ).encode()
    )


@pytest.mark.parametrize(
    ("refused", "yes"),
    [
        (stanza("iq", type="get"), True),
        (stanza("iq", type="set"), True),
        (stanza("iq"), True),
        (stanza("iq", type="result"), False),
        (stanza("iq", type="error"), False),
        (stanza("message"), True),
        (stanza("message", type="chat"), True),
        (stanza("message", type="error"), False),
        (stanza("presence"), True),
        (stanza("presence", type="error"), False),
        (stanza("r"), False),
    ],
)
def test_what_may_be_answered(refused: Stanza, yes: bool):
    assert may_answer(refused) is yes
    error = StanzaError(StanzaCondition.BAD_REQUEST)
    if yes:
        assert b" type='error'" in error_reply(refused, error, None, None)
    else:
        with pytest.raises(ValueError, match="may not be answered"):
            error_reply(refused, error, None, None)


@pytest.mark.parametrize("name", ["iq", "message", "presence"])
def test_reply_goes_back_where_it_came_from(name: str):
    refused = stanza(name, to="b@x/<", id="1'", type="chat", **{"from": "a@x"})
    error = StanzaError(StanzaCondition.ITEM_NOT_FOUND)
    tree = parse(error_reply(refused, error), CLIENT)
    assert tree.tag == f"{{{CLIENT}}}{name}"
    assert tree.attrib == {"type": "error", "id": "1'", "from": "b@x/<", "to": "a@x"}
    assert [child.tag for child in tree] == [f"{{{CLIENT}}}error"]


def test_reply_with_other_addresses():
    refused = stanza("iq", to="b@x", id="1", type="get")
    error = StanzaError(StanzaCondition.ITEM_NOT_FOUND)
    tree = parse(error_reply(refused, error, "c@x", "d@x", by="x"), CLIENT)
    assert tree.attrib == {"type": "error", "id": "1", "from": "c@x", "to": "d@x"}
    assert tree[0].get("by") == "x"


def test_reply_without_addresses_or_id():
    tree = parse(error_reply(stanza("iq"), StanzaError(StanzaCondition.CONFLICT)), CLIENT)
    assert tree.attrib == {"type": "error"}
