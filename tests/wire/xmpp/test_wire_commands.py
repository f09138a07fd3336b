"""``<command/>`` as it is read and written (XEP-0050 section 4)."""

import contextlib
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.commands import (
    ANSWER_LIMIT_BYTES,
    NS,
    Action,
    CommandError,
    Note,
    NoteKind,
    Reason,
    Status,
    parse_request,
    write_answer,
)
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form, FormKind


def read(attributes: str, inner: str = ""):
    return parse_request(fromstring(f"<command xmlns='{NS}' {attributes}>{inner}</command>"))


def test_execute_is_what_is_meant_where_nothing_is_said():
    request = read("node='n' status='completed'")
    assert (request.node, request.session, request.action) == ("n", "", Action.EXECUTE)
    assert request.form is None


@pytest.mark.parametrize("action", list(Action))
def test_each_action_is_understood(action: Action):
    assert read(f"node='n' sessionid='s' action='{action}'").action is action


@pytest.mark.parametrize(
    ("attributes", "inner", "reason"),
    [
        ("node='n' action='jump'", "", Reason.MALFORMED_ACTION),
        ("node='n' action=''", "", Reason.MALFORMED_ACTION),
        ("node='n' sessionid=''", "", Reason.BAD_SESSIONID),
        ("node='n'", "<x xmlns='jabber:x:data'/>", Reason.BAD_PAYLOAD),
        ("node='n'", "<x xmlns='jabber:x:data' type='form'/>", Reason.BAD_PAYLOAD),
        ("node='n'", "<x xmlns='jabber:x:data' type='result'/>", Reason.BAD_PAYLOAD),
    ],
)
def test_what_cannot_be_is_refused_with_the_commands_own_conditions(
    attributes: str, inner: str, reason: Reason
):
    with pytest.raises(CommandError) as error:
        read(attributes, inner)
    assert error.value.reason is reason
    assert error.value.condition is StanzaCondition.BAD_REQUEST
    assert error.value.kind is ErrorType.MODIFY
    assert f"<{reason} xmlns='{NS}'/>".encode() in error.value.to_bytes()


def test_an_expired_session_is_not_allowed():
    error = CommandError(Reason.SESSION_EXPIRED, "over")
    assert (error.condition, error.kind) == (StanzaCondition.NOT_ALLOWED, ErrorType.CANCEL)


@pytest.mark.parametrize("attributes", ["", "node=''"])
def test_a_command_without_a_node_is_refused(attributes: str):
    with pytest.raises(StanzaError):
        read(attributes)


def test_a_form_that_is_cancelled_is_taken_for_a_submission():
    request = read("node='n'", "<x xmlns='jabber:x:data' type='cancel'/>")
    assert request.form is not None


@pytest.mark.parametrize("action", ["cancel", "prev"])
def test_who_cancels_or_goes_back_need_not_have_filled_in_anything_rightly(action: str):
    request = read(f"node='n' sessionid='s' action='{action}'", "<x xmlns='jabber:x:data'/>")
    assert request.form is None


def test_a_form_is_bounded():
    def form(size: int) -> str:
        value = f"<value>{'a' * size}</value>"
        return f"<x xmlns='jabber:x:data' type='submit'><field var='x'>{value}</field></x>"

    assert read("node='n'", form(ANSWER_LIMIT_BYTES)).form is not None
    with pytest.raises(CommandError) as error:
        read("node='n'", form(ANSWER_LIMIT_BYTES + 1))
    assert error.value.reason is Reason.BAD_PAYLOAD


def test_an_answer_is_written_in_the_order_of_the_schema():
    raw = write_answer(
        "a&b",
        "s",
        Status.EXECUTING,
        actions=[Action.COMPLETE, Action.PREV],
        default=Action.COMPLETE,
        form=Form(FormKind.FORM, title="T").to_bytes(),
        notes=[Note("1 < 2", NoteKind.WARN)],
    )
    command = parse(raw)
    assert command.attrib == {
        "node": "a&b",
        "sessionid": "s",
        "status": "executing",
        "{http://www.w3.org/XML/1998/namespace}lang": "en",
    }
    actions, note, form = command
    assert (actions.get("execute"), [child.tag for child in actions]) == (
        "complete",
        [f"{{{NS}}}prev", f"{{{NS}}}complete"],
    )
    assert (note.get("type"), note.text) == ("warn", "1 < 2")
    assert form.get("type") == "form"


def test_a_command_that_is_over_has_no_actions():
    assert len(parse(write_answer("n", "s", Status.CANCELED))) == 0


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_element_is_read_or_refused(raw: bytes):
    with contextlib.suppress(PeerError):
        parse_request(parse(b"<command xmlns='%s' node='n'>%s</command>" % (NS.encode(), raw)))
