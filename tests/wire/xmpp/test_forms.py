"""Data forms as XEP-0004 and XEP-0313 show them."""

from xml.etree.ElementTree import fromstring, tostring

import pytest

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.forms import (
    FIELD_LIMIT,
    VALUE_LIMIT,
    Field,
    FieldKind,
    Form,
    FormKind,
    Option,
    fixed_field,
    flag_field,
    parse_form,
    text_field,
    type_field,
)


def read(inner: str, kind: str = "submit") -> Form:
    return parse_form(fromstring(f"<x xmlns='jabber:x:data' type='{kind}'>{inner}</x>"))


def field(name: str, *values: str) -> str:
    return f"<field var='{name}'>{''.join(f'<value>{value}</value>' for value in values)}</field>"


def test_a_query_of_the_archive():
    form = read(
        "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
        "<field var='with'><value>juliet@capulet.lit</value></field>"
        "<field var='start'/><field var='ids'><value>a</value><value>b</value></field>"
    )
    assert form.kind is FormKind.SUBMIT
    assert form.form_type == "urn:xmpp:mam:2"
    assert form.value("with") == "juliet@capulet.lit"
    assert form.value("start") is None
    assert form.value("end") is None
    assert form.values("ids") == ("a", "b")
    assert form.values("none") == ()
    with pytest.raises(PeerError, match="field ids"):
        form.value("ids")


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("0", False), ("false", False)]
)
def test_a_flag(text: str, value: bool):
    assert read(field("on", text)).flag("on") is value
    assert read("").flag("on") is None
    with pytest.raises(PeerError, match="true or false"):
        read(field("on", text.upper() + "!")).flag("on")


FORM = Form(
    FormKind.FORM,
    (
        type_field("urn:example"),
        fixed_field("About you"),
        text_field("name", "Ann & Co", label="Name", required=True),
        text_field("nick"),
        flag_field("public", value=True, label="Public?"),
        flag_field("loud", value=False),
        Field("boss", ("bob@corp.example",), FieldKind.JID_SINGLE, "Boss", "Whom you report to"),
        Field(
            "days",
            ("mo", "tu"),
            FieldKind.LIST_MULTI,
            options=(Option("mo", "Monday"), Option("tu", "Tuesday"), Option("we", "we")),
        ),
    ),
    title="A form",
    instructions=("First", "then"),
)
RESULT = Form(
    FormKind.RESULT,
    reported=(Field("jid", (), FieldKind.JID_SINGLE, "JID"), Field("state", label="State")),
    items=(
        (Field("jid", ("ann@corp.example",)), Field("state", ("read",))),
        (Field("jid", ("bob@corp.example",)), Field("state", ("unread",))),
    ),
)


@pytest.mark.parametrize("form", [FORM, RESULT, Form(FormKind.CANCEL)])
def test_what_is_written_reads_back_the_same(form: Form):
    assert parse_form(fromstring(tostring(form.to_element()))) == form


def test_the_parts_stand_in_the_order_of_the_schema():
    names = [child.tag.rpartition("}")[2] for child in FORM.to_element()]
    assert names == ["instructions"] * 2 + ["title"] + ["field"] * 8
    assert [child.tag.rpartition("}")[2] for child in RESULT.to_element()] == (
        ["reported", "item", "item"]
    )


def test_an_option_without_a_label_shows_its_value():
    element = Form(FormKind.FORM, (Field("x", options=(Option("a"),)),)).to_element()
    assert element[0][0].get("label") == "a"


def test_a_type_that_is_not_understood_is_text():
    form = read("<field var='x' type='colour'><value>red</value></field><other/>", "form")
    assert form.fields[0].kind is FieldKind.TEXT_SINGLE


@pytest.mark.parametrize(
    "inner",
    [
        "<field/>",
        "<field type='text-single'><value>x</value></field>",
        field("a") + field("a"),
        "<item><field/></item>",
        "<reported>" + field("a") + field("a") + "</reported>",
    ],
)
def test_fields_without_a_name_or_named_twice_are_refused(inner: str):
    with pytest.raises(PeerError):
        read(inner)


def test_fixed_text_needs_no_name():
    assert read("<field type='fixed'><value>x</value></field>" * 2).fields[0].name == ""


def test_what_is_no_form_is_refused():
    for text in ("<x/>", "<x xmlns='jabber:x:data'/>", "<x xmlns='jabber:x:data' type='error'/>"):
        with pytest.raises(PeerError):
            parse_form(fromstring(text))


def test_a_form_is_bounded():
    assert len(read("".join(field(f"f{i}") for i in range(FIELD_LIMIT))).fields) == FIELD_LIMIT
    with pytest.raises(PeerError, match=str(FIELD_LIMIT)):
        read("".join(field(f"f{i}") for i in range(FIELD_LIMIT + 1)))
    assert len(read(field("x", *["v"] * VALUE_LIMIT)).values("x")) == VALUE_LIMIT
    with pytest.raises(PeerError, match=str(VALUE_LIMIT)):
        read(field("x", *["v"] * (VALUE_LIMIT + 1)))


@pytest.mark.parametrize(
    "inner",
    [
        "<field var='x' type='text-single'><value>1</value><value>2</value></field>",
        "<field var='x' type='boolean'><value>1</value><value>0</value></field>",
        "<field var='x' type='text-single'><option><value>1</value></option></field>",
        "<field var='x' type='list-single'><option/></field>",
        "<field var='x' type='list-multi'><option><value>1</value><value/></option></field>",
        "<reported><field var='x'/></reported><reported><field var='y'/></reported>",
    ],
)
def test_what_the_sections_3_2_to_3_4_forbid_is_refused(inner: str):
    with pytest.raises(PeerError):
        read(inner, "result")


def test_a_form_goes_on_the_wire_without_prefixes():
    raw = Form(FormKind.SUBMIT, (Field("x", ("1 < 2",)),)).to_bytes()
    assert raw == (
        b"<x xmlns='jabber:x:data' type='submit'><field var='x'><value>1 &lt; 2</value></field></x>"
    )
