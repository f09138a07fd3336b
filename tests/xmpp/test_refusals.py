"""One place turns refusals into stanza errors."""

import pytest
from structlog.testing import capture_logs

from clarion.lib.errors import (
    ClarionError,
    DeniedError,
    PeerError,
    UnavailableError,
    UsageError,
)
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import JidError
from clarion.xmpp.refusals import stanza_error

_C = StanzaCondition


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (JidError("why"), _C.JID_MALFORMED),
        (PeerError("why"), _C.BAD_REQUEST),
        (DeniedError("why"), _C.FORBIDDEN),
        (UnavailableError("why"), _C.RESOURCE_CONSTRAINT),
        (UsageError("why"), _C.NOT_ACCEPTABLE),
        (ClarionError("why"), _C.NOT_ACCEPTABLE),
    ],
)
def test_each_kind_of_no_has_its_condition_and_keeps_its_words(
    error: Exception, condition: StanzaCondition
):
    with capture_logs() as lines:
        told = stanza_error(error)
    assert (told.condition, told.text) == (condition, "why")
    assert lines == []


def test_a_stanza_error_stays_what_it_is():
    error = StanzaError(_C.GONE, "moved", uri="xmpp:there@corp.example")
    assert stanza_error(error) is error


def test_a_fault_of_ours_is_logged_once_and_told_without_detail():
    fault = ZeroDivisionError("secret detail")
    with capture_logs() as lines:
        told = stanza_error(fault)
    assert told.condition is _C.INTERNAL_SERVER_ERROR
    assert "secret" not in told.text
    assert [(line["log_level"], line["exc_info"]) for line in lines] == [("error", fault)]
