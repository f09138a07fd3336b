"""XEP-0045: what moderators, admins and owners ask for."""

import pytest

from clarion.wire.xml import parse
from clarion.wire.xmpp import muc_admin as admin
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form, FormKind, text_field, type_field
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.muc import REASON_LIMIT
from clarion.wire.xmpp.muc_admin import Cancel, Change, Destroy, GetConfiguration, Listing


def query(inner: str, namespace: str = admin.ADMIN):
    return parse(f"<query xmlns='{namespace}'>{inner}</query>".encode())


def owner(inner: str, kind="set"):
    return admin.parse_owner(kind, query(inner, admin.OWNER))


def form(kind: str, fields: str = "") -> str:
    return f"<x xmlns='jabber:x:data' type='{kind}'>{fields}</x>"


def form_type(name: str) -> str:
    return f"<field var='FORM_TYPE' type='hidden'><value>{name}</value></field>"


def test_lists_are_asked_for():
    assert admin.parse_listing(query("<item affiliation='outcast'/>")) == Listing("outcast")
    assert admin.parse_listing(query("<item role='moderator'/>")) == Listing("", "moderator")
    for inner in ("", "<item/>", "<item role='moderator'/>" * 2, "<item affiliation='king'/>"):
        with pytest.raises(StanzaError) as refused:
            admin.parse_listing(query(inner))
        assert refused.value.condition is StanzaCondition.BAD_REQUEST


def test_people_are_made_something_else():
    changes = admin.parse_changes(
        query(
            "<item nick='pistol' role='none'><reason>Avaunt!</reason></item>"
            "<item jid='Hag66@Shakespeare.Example/pda' affiliation='member' nick='thirdwitch'/>"
            "<item jid='evil.example' affiliation='outcast'/>"
        )
    )
    assert changes == (
        Change(None, "pistol", role="none", reason="Avaunt!"),
        Change("hag66@shakespeare.example", "thirdwitch", affiliation="member"),
        Change("evil.example", affiliation="outcast"),
    )


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        ("", StanzaCondition.BAD_REQUEST),
        ("<item/>", StanzaCondition.BAD_REQUEST),
        ("<item role='none'/>", StanzaCondition.BAD_REQUEST),
        ("<item nick='x'/>", StanzaCondition.BAD_REQUEST),
        ("<item nick='x' role='none' affiliation='none'/>", StanzaCondition.BAD_REQUEST),
        ("<item nick='x' role='king'/>", StanzaCondition.BAD_REQUEST),
        ("<item jid='x@y' affiliation='king'/>", StanzaCondition.BAD_REQUEST),
        ("<item jid='x@y' affiliation='Member'/>", StanzaCondition.BAD_REQUEST),
        ("<item jid='@' affiliation='member'/>", StanzaCondition.JID_MALFORMED),
        ("<item nick=' ' role='none'/>", StanzaCondition.JID_MALFORMED),
        (
            f"<item nick='x' role='none'><reason>{'x' * (REASON_LIMIT + 1)}</reason></item>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
    ],
)
def test_what_cannot_be_done_is_refused(inner: str, condition: StanzaCondition):
    with pytest.raises(StanzaError) as refused:
        admin.parse_changes(query(inner))
    assert refused.value.condition is condition


def test_so_many_are_changed_at_once():
    one = "<item jid='x@y.example' affiliation='member'/>"
    assert len(admin.parse_changes(query(one * admin.ITEMS_LIMIT))) == admin.ITEMS_LIMIT == 500
    with pytest.raises(StanzaError, match="at most 500"):
        admin.parse_changes(query(one * (admin.ITEMS_LIMIT + 1)))


def test_owners_configure_rooms():
    assert owner("", "get") == GetConfiguration()
    assert owner(form("cancel")) == Cancel()
    assert owner(form("submit")) == Form(FormKind.SUBMIT)
    filled = owner(
        form("submit", form_type(admin.ROOM_CONFIG) + "<field var='a'><value>b</value></field>")
    )
    assert isinstance(filled, Form)
    assert filled.value("a") == "b"


def test_owners_destroy_rooms():
    assert owner("<destroy/>") == Destroy()
    found = owner(
        "<destroy jid='coven@rooms.example'><reason>Why</reason><password>p</password></destroy>"
    )
    assert found == Destroy(parse_jid("coven@rooms.example"), "p", "Why")


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        ("", StanzaCondition.BAD_REQUEST),
        (form("submit") + "<destroy/>", StanzaCondition.BAD_REQUEST),
        (form("result"), StanzaCondition.BAD_REQUEST),
        (form("nothing"), StanzaCondition.BAD_REQUEST),
        (form("submit", form_type("urn:other")), StanzaCondition.BAD_REQUEST),
        ("<destroy jid='@'/>", StanzaCondition.JID_MALFORMED),
        (f"<destroy><password>{'x' * 257}</password></destroy>", StanzaCondition.NOT_ACCEPTABLE),
    ],
)
def test_what_no_owner_may_ask_is_refused(inner: str, condition: StanzaCondition):
    with pytest.raises(StanzaError) as refused:
        owner(inner)
    assert refused.value.condition is condition


def test_lists_and_forms_are_answered():
    items = [
        admin.admin_item("outcast", "a&b@x.example", reason="<treason>"),
        admin.admin_item("none", nick="o'b", role="visitor"),
    ]
    first, second = parse(admin.admin_list(items))
    assert first.attrib == {"affiliation": "outcast", "jid": "a&b@x.example"}
    assert first.findtext(f"{{{admin.ADMIN}}}reason") == "<treason>"
    assert second.attrib == {"affiliation": "none", "nick": "o'b", "role": "visitor"}
    blank = Form(FormKind.FORM, (type_field(admin.ROOM_CONFIG), text_field("a")))
    answer = parse(admin.owner_form(blank))
    assert answer.tag == admin.OWNER_QUERY
    assert answer[0].get("type") == "form"
