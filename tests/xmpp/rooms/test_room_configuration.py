from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.core.rooms import Role, Room, RoomConfig, RoomNumber, Whom
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, Form, FormKind, parse_form
from clarion.wire.xmpp.muc import PASSWORD_LIMIT
from clarion.wire.xmpp.muc_admin import ROOM_CONFIG
from clarion.xmpp.rooms import configuration
from clarion.xmpp.rooms.configuration import (
    DESCRIPTION_LIMIT,
    LANGUAGE_LIMIT,
    MENTION_PUSH,
    NAME_LIMIT,
)
from clarion.xmpp.rooms.history import HISTORY_LIMIT

LINES = st.text(st.characters(codec="utf-8", categories=("L", "N")), max_size=20)
CONFIGS = st.builds(
    RoomConfig,
    name=LINES,
    description=LINES,
    language=st.sampled_from(["", "de", "en-GB"]),
    public=st.booleans(),
    persistent=st.booleans(),
    members_only=st.booleans(),
    moderated=st.booleans(),
    password=LINES,
    whois=st.sampled_from([Whom.ANYONE, Whom.MODERATORS]),
    private_messages=st.sampled_from(Whom),
    subject_change=st.booleans(),
    invites=st.booleans(),
    members_list=st.sampled_from(Whom),
    presence=st.frozensets(st.sampled_from([Role.VISITOR, Role.PARTICIPANT, Role.MODERATOR])),
    voice_requests=st.booleans(),
    archived=st.booleans(),
    occupants=st.integers(0, 5000),
    history=st.integers(0, HISTORY_LIMIT),
    mention_push=st.booleans(),
)


PLAIN = RoomConfig()


def room(config: RoomConfig = PLAIN) -> Room:
    return Room(RoomNumber(1), "coven@rooms.corp.example", config)


def filled_in(**values: str | tuple[str, ...]) -> Form:
    """Return what somebody submits who says nothing but this."""
    given = [
        Field(name, value if isinstance(value, tuple) else (value,))
        for name, value in values.items()
    ]
    return Form(FormKind.SUBMIT, (Field("FORM_TYPE", (ROOM_CONFIG,)), *given))


def named(name: str, value: str | tuple[str, ...]) -> Form:
    return filled_in(**{name if "#" in name or name == "mam" else f"muc#roomconfig_{name}": value})


def refusal(form: Form, of: Room | None = None) -> StanzaCondition:
    with pytest.raises(StanzaError) as refused:
        configuration.read(of or room(), form)
    return refused.value.condition


@given(CONFIGS, CONFIGS)
def test_what_is_shown_and_submitted_again_is_the_same_in_every_room(
    shown: RoomConfig, before: RoomConfig
):
    asked = parse_form(configuration.form(room(shown)).to_element())
    submitted = Form(FormKind.SUBMIT, asked.fields)
    known = replace(before, occupants=shown.occupants)  # other sizes are only offered where set
    assert configuration.read(room(known), submitted) == shown


@given(CONFIGS)
def test_what_is_not_said_stays(config: RoomConfig):
    assert configuration.read(room(config), filled_in()) == config


def test_every_setting_is_in_the_form():
    assert len(configuration.form(room()).fields) == len(fields(RoomConfig)) + 2  # type, protected


def test_a_room_may_be_for_two():
    assert configuration.read(room(), named("maxusers", "2")).occupants == 2


def test_a_password_is_not_blank():
    assert refusal(named("passwordprotectedroom", "1")) is StanzaCondition.NOT_ACCEPTABLE
    protected = {"muc#roomconfig_passwordprotectedroom": "1"}
    blank = filled_in(**protected, **{"muc#roomconfig_roomsecret": " "})
    assert refusal(blank) is StanzaCondition.NOT_ACCEPTABLE
    kept = configuration.read(room(RoomConfig(password="x")), named("roomname", "Cave"))
    assert kept.password == "x"
    gone = configuration.read(room(RoomConfig(password="x")), named("passwordprotectedroom", "0"))
    assert gone.password == ""


@pytest.mark.parametrize(
    ("name", "limit"),
    [("roomname", NAME_LIMIT), ("roomdesc", DESCRIPTION_LIMIT), ("lang", LANGUAGE_LIMIT)],
)
def test_texts_have_limits(name: str, limit: int):
    configuration.read(room(), named(name, "x" * limit))
    assert refusal(named(name, "x" * (limit + 1))) is StanzaCondition.NOT_ACCEPTABLE


def test_a_password_has_a_limit():
    protected = {"muc#roomconfig_passwordprotectedroom": "1"}
    long = filled_in(**protected, **{"muc#roomconfig_roomsecret": "x" * (PASSWORD_LIMIT + 1)})
    assert refusal(long) is StanzaCondition.NOT_ACCEPTABLE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whois", "none"),
        ("allowpm", "everybody"),
        ("maxusers", "7"),
        ("publicroom", "perhaps"),
        ("presencebroadcast", ("owner",)),
        ("muc#maxhistoryfetch", "many"),
        ("muc#maxhistoryfetch", "-1"),
        ("muc#maxhistoryfetch", str(HISTORY_LIMIT + 1)),
        ("roomname", "two\nlines"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: str | tuple[str, ...]):
    assert refusal(named(name, value)) is StanzaCondition.NOT_ACCEPTABLE


def test_other_names_of_the_archive_are_understood_where_its_own_is_not_said():
    for alias in ("mam", "muc#roomconfig_mam", "muc#roomconfig_enablearchiving"):
        assert not configuration.read(room(), named(alias, "0")).archived
    both = filled_in(**{"mam": "0", "muc#roomconfig_enablelogging": "1"})
    assert configuration.read(room(), both).archived


def test_who_sees_the_list_of_members_is_the_narrowest_that_holds_them():
    for roles, whom in (
        ((), Whom.NONE),
        (("moderator",), Whom.MODERATORS),
        (("participant",), Whom.PARTICIPANTS),
        (("visitor",), Whom.ANYONE),
    ):
        assert configuration.read(room(), named("getmemberlist", roles)).members_list is whom


def test_a_field_that_is_clarions_own_is_named_so():
    asked = {field.name for field in configuration.form(room()).fields}
    assert MENTION_PUSH in asked
    assert configuration.read(room(), filled_in(**{MENTION_PUSH: "1"})).mention_push
