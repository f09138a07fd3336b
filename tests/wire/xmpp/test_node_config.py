"""XEP-0060: how nodes are set up, and what forms may say of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import FORM_TYPE, Field, Form, FormKind, parse_form
from clarion.wire.xmpp.node_config import (
    GROUPS_LIMIT,
    ITEMS_LIMIT,
    NODE_CONFIG,
    PRIVATE,
    TEXT_LIMIT,
    AccessModel,
    NodeConfig,
    SendLast,
    config_form,
    meta_data,
    preconditions_met,
    read_config,
)

TEXTS = st.text("abc \u00f6", max_size=20)
CONFIGS = st.builds(
    NodeConfig,
    access=st.sampled_from(AccessModel),
    groups=st.sets(TEXTS.filter(bool), max_size=4).map(lambda groups: tuple(sorted(groups))),
    persist=st.booleans(),
    max_items=st.none() | st.integers(1, ITEMS_LIMIT - 1),
    send_last=st.sampled_from(SendLast),
    deliver=st.booleans(),
    payloads=st.booleans(),
    notify_retract=st.booleans(),
    headline=st.booleans(),
    title=TEXTS,
    description=TEXTS,
    payload_type=TEXTS,
)


def submitted(**fields: str | tuple[str, ...]) -> Form:
    given_fields = tuple(
        Field(f"pubsub#{name}", (value,) if isinstance(value, str) else value)
        for name, value in fields.items()
    )
    return Form(FormKind.SUBMIT, (Field(FORM_TYPE, (NODE_CONFIG,)), *given_fields))


def refused(form: Form, *, strict: bool = False) -> StanzaError:
    with pytest.raises(StanzaError) as caught:
        read_config(form, NodeConfig(), strict=strict)
    return caught.value


@given(CONFIGS, CONFIGS)
def test_a_form_sent_back_as_it_came_says_the_same(config: NodeConfig, other: NodeConfig):
    form = replace(parse_form(config_form(config).to_element()), kind=FormKind.SUBMIT)
    assert read_config(form, other, strict=True) == config
    assert preconditions_met(form, config)
    assert preconditions_met(form, other) == (config == other)


def test_what_a_form_does_not_say_stays():
    assert read_config(submitted(), PRIVATE) is not None
    assert read_config(submitted(), PRIVATE) == PRIVATE
    assert read_config(submitted(title="x"), PRIVATE) == replace(PRIVATE, title="x")


def test_the_options_of_xep_0490_make_a_private_node():
    form = submitted(
        persist_items="true",
        max_items="max",
        send_last_published_item="never",
        access_model="whitelist",
    )
    assert read_config(form, NodeConfig(), strict=True) == PRIVATE


def test_a_new_node_is_as_xep_0163_section_5_says():
    config = NodeConfig()
    assert config.access is AccessModel.PRESENCE
    assert config.deliver
    assert config.send_last is SendLast.ON_SUB_AND_PRESENCE
    assert config.capacity == 1


def test_max_is_a_number_of_ours():
    for text in ("max", str(ITEMS_LIMIT), "9999999999"):
        config = read_config(submitted(max_items=text), NodeConfig())
        assert config.max_items is None
        assert config.capacity == ITEMS_LIMIT == 5_000
    assert read_config(submitted(max_items="4999"), NodeConfig()).capacity == 4_999
    assert replace(config, persist=False).capacity == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"max_items": "0"},
        {"max_items": "-1"},
        {"max_items": "12345678901"},
        {"max_items": "\u0663"},
        {"send_last_published_item": "always"},
        {"notification_type": "chat"},
        {"publish_model": "open"},
        {"node_type": "collection"},
        {"item_expire": "60"},
        {"purge_offline": "1"},
        {"title": "x" * (TEXT_LIMIT + 1)},
        {"roster_groups_allowed": tuple(map(str, range(GROUPS_LIMIT + 1)))},
        {"roster_groups_allowed": "x" * (TEXT_LIMIT + 1)},
        {"access_model": ""},
    ],
)
def test_what_is_not_supported_is_refused_and_met_by_no_node(fields: dict[str, str]):
    assert refused(submitted(**fields)).condition is StanzaCondition.NOT_ACCEPTABLE
    assert not preconditions_met(submitted(**fields), NodeConfig())


def test_an_access_model_of_others_is_named_as_such():
    assert b"<unsupported-access-model" in refused(submitted(access_model="authorize")).to_bytes()


@pytest.mark.parametrize("fields", [{"persist_items": "yes"}, {"max_items": ("1", "2")}])
def test_what_is_no_value_is_refused(fields: dict[str, str]):
    assert refused(submitted(**fields)).condition is StanzaCondition.BAD_REQUEST
    with pytest.raises(StanzaError):
        preconditions_met(submitted(**fields), NodeConfig())


def test_unknown_fields_are_passed_over_in_a_configuration_and_refused_as_preconditions():
    form = submitted(colour="red")
    assert read_config(form, NodeConfig()) == NodeConfig()
    assert refused(form, strict=True).condition is StanzaCondition.NOT_ACCEPTABLE
    with pytest.raises(StanzaError):
        preconditions_met(form, NodeConfig())
    bare = Form(FormKind.SUBMIT, (Field("max_items", ("5",)),))
    assert read_config(bare, NodeConfig()) == NodeConfig()


def test_meta_data_tell_whose_node_it_is_and_since_when():
    form = meta_data(NodeConfig(title="x"), "ann@corp.example", 0.0)
    assert form.value("pubsub#owner") == "ann@corp.example"
    assert form.value("pubsub#creation_date") == "1970-01-01T00:00:00.000Z"
    assert form.value("pubsub#max_items") == "1"
