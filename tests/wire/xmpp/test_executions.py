"""Commands under way (XEP-0050 sections 2.4, 3.3 and 3.4), without anything that does them."""

import pytest

from clarion.wire.xmpp.commands import Action, CommandError, Reason, Request
from clarion.wire.xmpp.executions import (
    ENDED_LIMIT,
    LIFETIME,
    OPEN_LIMIT,
    STAGE_LIMIT,
    Execution,
    Executions,
    Stage,
    step_back,
    submitted,
    took,
)
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind

AT = "corp.example"


def request(
    action: Action = Action.EXECUTE, session: str = "", form: Form | None = None, node: str = "n"
) -> Request:
    return Request(node, session, action, form)


def stage(*, last: bool = True, name: str = "x") -> Stage:
    field = Field(name, (), FieldKind.TEXT_SINGLE, required=True)
    return Stage(Form(FormKind.FORM, (field,)), last=last)


def filled(value: str, name: str = "x") -> Form:
    return Form(FormKind.SUBMIT, (Field(name, (value,)),))


def begun(executions: Executions, owner: str = "s", new_id: str = "e", now: float = 0) -> Execution:
    return executions.begin(request(), owner, AT, new_id, now)


def reason(error: pytest.ExceptionInfo[CommandError]) -> Reason:
    return error.value.reason


def test_an_execution_is_found_by_its_owner_command_and_address_alone():
    executions = Executions()
    execution = begun(executions)
    assert executions.find(request(session="e"), "s", AT, 1) is execution
    for owner, at, node in (("t", AT, "n"), ("s", "bob@corp.example", "n"), ("s", AT, "m")):
        with pytest.raises(CommandError) as error:
            executions.find(request(session="e", node=node), owner, at, 1)
        assert reason(error) is Reason.BAD_SESSIONID


@pytest.mark.parametrize("action", [Action.CANCEL, Action.PREV, Action.NEXT, Action.COMPLETE])
def test_what_is_not_under_way_can_only_begin(action: Action):
    executions = Executions()
    with pytest.raises(CommandError) as error:
        executions.begin(request(action), "s", AT, "e", 0)
    assert reason(error) is Reason.BAD_ACTION
    assert len(executions) == 0


@pytest.mark.parametrize("action", [Action.EXECUTE, Action.NEXT, Action.COMPLETE])
def test_who_knows_the_form_may_begin_with_the_answer(action: Action):
    executions = Executions()
    execution = executions.begin(request(action, form=filled("1")), "s", AT, "e", 0)
    executions.ask(execution, stage(last=action is not Action.NEXT))
    answers = submitted(execution, request(action, form=filled("1")))
    assert [answer.value("x") for answer in answers] == ["1"]


def test_stages_go_on_and_back():
    executions = Executions()
    execution = begun(executions)
    executions.ask(execution, stage(last=False))
    assert (set(execution.actions), execution.default) == ({Action.NEXT}, Action.NEXT)
    with pytest.raises(CommandError) as error:
        submitted(execution, request(Action.COMPLETE, form=filled("1")))
    assert reason(error) is Reason.BAD_ACTION
    with pytest.raises(CommandError) as error:
        step_back(execution)
    assert reason(error) is Reason.BAD_ACTION
    took(execution, submitted(execution, request(form=filled("1"))))
    executions.ask(execution, stage(name="y"))
    assert set(execution.actions) == {Action.PREV, Action.COMPLETE}
    assert execution.default is Action.COMPLETE
    assert step_back(execution).form.value("x") == "1"
    took(execution, submitted(execution, request(Action.NEXT, form=filled("2"))))
    executions.ask(execution, stage(name="y"))
    answers = submitted(execution, request(Action.COMPLETE, form=filled("3", "y")))
    assert [answer.fields[0].values[0] for answer in answers] == ["2", "3"]


def test_a_form_that_is_filled_in_wrongly_stays_open():
    executions = Executions()
    execution = begun(executions)
    executions.ask(execution, stage())
    for form in (None, filled(""), filled("1", "z")):
        with pytest.raises(CommandError) as error:
            submitted(execution, request(form=form))
        assert reason(error) is Reason.BAD_PAYLOAD
    assert len(submitted(execution, request(form=filled("1")))) == 1
    assert executions.find(request(session="e"), "s", AT, 1) is execution


def test_what_has_ended_is_told_apart_from_what_never_was():
    executions = Executions()
    executions.end(begun(executions))
    with pytest.raises(CommandError) as error:
        executions.find(request(session="e"), "s", AT, 1)
    assert reason(error) is Reason.SESSION_EXPIRED
    with pytest.raises(CommandError) as error:
        executions.find(request(session="e"), "another", AT, 1)
    assert reason(error) is Reason.BAD_SESSIONID


def test_only_so_many_ended_ones_are_remembered():
    executions = Executions()
    for number in range(ENDED_LIMIT + 1):
        executions.end(begun(executions, new_id=str(number)))
    with pytest.raises(CommandError) as error:
        executions.find(request(session="0"), "s", AT, 1)
    assert reason(error) is Reason.BAD_SESSIONID
    with pytest.raises(CommandError) as error:
        executions.find(request(session="1"), "s", AT, 1)
    assert reason(error) is Reason.SESSION_EXPIRED


def test_an_execution_lives_for_a_time_after_each_step():
    executions = Executions()
    begun(executions)
    executions.find(request(session="e"), "s", AT, LIFETIME - 1)
    executions.find(request(session="e"), "s", AT, 2 * LIFETIME - 2)
    with pytest.raises(CommandError) as error:
        executions.find(request(session="e"), "s", AT, 3 * LIFETIME - 2)
    assert reason(error) is Reason.SESSION_EXPIRED
    assert len(executions) == 0


def test_the_oldest_of_too_many_ends():
    executions = Executions()
    for number in range(OPEN_LIMIT):
        begun(executions, new_id=str(number))
    begun(executions, owner="t")
    executions.find(request(session="0"), "s", AT, 1)  # no longer the oldest
    begun(executions, new_id="new", now=1)
    assert len(executions) == OPEN_LIMIT + 1
    executions.find(request(session="0"), "s", AT, 2)
    with pytest.raises(CommandError) as error:
        executions.find(request(session="1"), "s", AT, 2)
    assert reason(error) is Reason.SESSION_EXPIRED


def test_what_is_stale_goes_when_another_begins():
    executions = Executions()
    begun(executions)
    begun(executions, new_id="new", now=LIFETIME)
    assert len(executions) == 1


def test_who_leaves_has_nothing_under_way():
    executions = Executions()
    execution = begun(executions)
    executions.leave("s")
    executions.leave("s")
    executions.end(execution)
    assert len(executions) == 0


def test_a_command_has_only_so_many_stages():
    executions = Executions()
    execution = begun(executions)
    for _ in range(STAGE_LIMIT):
        executions.ask(execution, stage(last=False))
        took(execution, submitted(execution, request(form=filled("1"))))
    with pytest.raises(CommandError):
        executions.ask(execution, stage())
    assert len(executions) == 0
