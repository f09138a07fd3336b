"""What was filled in, against what was asked (XEP-0004 sections 3 and 4)."""

import pytest

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.answers import checked, remembered
from clarion.wire.xmpp.forms import (
    Field,
    FieldKind,
    Form,
    FormKind,
    Option,
    fixed_field,
    type_field,
)

DAYS = (Option("mo"), Option("tu"), Option("we"))


def asked(*fields: Field) -> Form:
    return Form(FormKind.FORM, fields)


def submitted(**values: list[str]) -> Form:
    return Form(FormKind.SUBMIT, tuple(Field(name, tuple(given)) for name, given in values.items()))


def answer(kind: FieldKind, *given: str, required: bool = False) -> tuple[str, ...]:
    options = DAYS if kind in {FieldKind.LIST_MULTI, FieldKind.LIST_SINGLE} else ()
    form = asked(Field("x", (), kind, required=required, options=options))
    return checked(form, submitted(x=list(given))).values("x")


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (FieldKind.BOOLEAN, ["true"], ("1",)),
        (FieldKind.BOOLEAN, ["0"], ("0",)),
        (FieldKind.JID_SINGLE, [" Ann@Corp.Example "], ("ann@corp.example",)),
        (FieldKind.JID_MULTI, ["a@b.c", "A@b.c", "", "a@b.c/d"], ("a@b.c", "a@b.c/d")),
        (FieldKind.LIST_SINGLE, ["tu"], ("tu",)),
        (FieldKind.LIST_MULTI, ["we", "mo", "we"], ("mo", "we")),
        (FieldKind.TEXT_SINGLE, ["a b "], ("a b ",)),
        (FieldKind.TEXT_PRIVATE, [" s p "], (" s p ",)),
        (FieldKind.TEXT_MULTI, ["a\nb", "", "c"], ("a", "b", "", "c")),
        (FieldKind.TEXT_MULTI, ["", " "], ()),
        (FieldKind.TEXT_SINGLE, [""], ()),
        (FieldKind.JID_SINGLE, [""], ()),
    ],
)
def test_each_kind_comes_out_in_one_form(kind: FieldKind, given: list[str], kept: tuple[str, ...]):
    assert answer(kind, *given) == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (FieldKind.BOOLEAN, ["yes"]),
        (FieldKind.JID_SINGLE, ["@b"]),
        (FieldKind.JID_MULTI, ["a@b.c", "a@b@c/"]),
        (FieldKind.LIST_SINGLE, ["su"]),
        (FieldKind.LIST_MULTI, ["mo", "su"]),
        (FieldKind.TEXT_SINGLE, ["a\nb"]),
        (FieldKind.TEXT_SINGLE, ["a", "b"]),
        (FieldKind.JID_SINGLE, ["a@b.c", "d@e.f"]),
    ],
)
def test_a_value_that_cannot_be_is_refused(kind: FieldKind, given: list[str]):
    with pytest.raises(PeerError, match="'x'"):
        answer(kind, *given)


@pytest.mark.parametrize("given", [[], [""], ["", ""]])
@pytest.mark.parametrize(
    "kind", [FieldKind.TEXT_SINGLE, FieldKind.JID_MULTI, FieldKind.TEXT_MULTI, FieldKind.LIST_MULTI]
)
def test_what_is_required_must_have_a_value(kind: FieldKind, given: list[str]):
    assert answer(kind, *given) == ()
    with pytest.raises(PeerError, match="must be filled in"):
        answer(kind, *given, required=True)


def test_a_required_field_must_be_sent_even_where_it_had_a_default():
    form = asked(Field("x", ("a",), FieldKind.TEXT_SINGLE, required=True))
    with pytest.raises(PeerError, match="must be filled in"):
        checked(form, submitted())
    assert checked(form, submitted(x=["b"])).value("x") == "b"


def test_what_is_left_out_keeps_its_value_and_what_is_empty_has_none():
    form = asked(Field("x", ("a",)), Field("y", ("b",)))
    kept = checked(form, submitted(y=[]))
    assert (kept.value("x"), kept.value("y")) == ("a", None)


def test_what_nobody_asked_for_is_ignored_and_fixed_text_is_no_answer():
    form = asked(fixed_field("About"), Field("x"))
    assert [field.name for field in checked(form, submitted(x=["1"], z=["2"])).fields] == ["x"]


def test_a_hidden_field_keeps_its_value():
    form = asked(Field("x", ("mine",), FieldKind.HIDDEN))
    assert checked(form, submitted(x=["yours"])).value("x") == "mine"


def test_a_form_without_its_type_is_taken_and_one_of_another_type_is_not():
    form = asked(type_field("urn:one"), Field("x"))
    assert checked(form, submitted(x=["1"])).form_type == "urn:one"
    assert checked(form, submitted(FORM_TYPE=["urn:one"], x=["1"])).value("x") == "1"
    with pytest.raises(PeerError, match="urn:two"):
        checked(form, submitted(FORM_TYPE=["urn:two"]))


def test_a_form_shown_again_remembers_all_but_secrets():
    form = asked(
        type_field("urn:one"),
        fixed_field("About"),
        Field("x", ("old",), FieldKind.TEXT_SINGLE),
        Field("p", (), FieldKind.TEXT_PRIVATE),
    )
    again = remembered(form, checked(form, submitted(x=["new"], p=["secret"])))
    assert again.value("x") == "new"
    assert again.values("p") == ()
    assert again.fields[:2] == form.fields[:2]
