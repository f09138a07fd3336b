import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.parts import Parts, Sheet, take_apart
from clarion.wire.xmpp.splice import Child, dissect

CLIENT = "jabber:client"


def taken(raw: bytes, drop: str = "", *, keep_id: bool = True) -> Parts:
    _, children = dissect(raw)
    return take_apart(raw, children, lambda child: child.tag == drop, keep_id=keep_id)


def test_the_addresses_go_and_everything_else_stays_as_it_was_written():
    start = b"<message  to=\"a@b\" id='1' from='c@d' xml:lang='en'>"
    raw = start + b" x <body>1 &amp; 2</body>\n<a/></message>"
    parts = taken(raw)
    assert parts.name == b"<message"
    assert parts.attributes == b" id='1' xml:lang='en'"
    assert parts.inner == b" x <body>1 &amp; 2</body>\n<a/>"


@pytest.mark.parametrize(
    "raw",
    [
        b"<presence to='r/n'/>",
        b"<presence to='r/n'></presence>",
        b"<p:presence xmlns:p='jabber:client' to='r/n'><p:show>away</p:show></p:presence>",
    ],
)
def test_a_stanza_goes_out_again_whatever_form_it_has(raw: bytes):
    sheet = taken(raw).sheet(b"room@x/nick", b"<y xmlns='u'/>", attributes=b" id='7'")
    told = parse(sheet.to("ann@corp.example/it's"), CLIENT)
    assert told.tag == f"{{{CLIENT}}}presence"
    assert told.attrib == {"to": "ann@corp.example/it's", "from": "room@x/nick", "id": "7"}
    assert told[-1].tag == "{u}y"


def test_named_children_go_and_those_around_them_stay():
    raw = b"<message><a xmlns='u'/><b xmlns='u'><a/></b><a xmlns='u'>t</a></message>"
    assert taken(raw, "{u}a").inner == b"<b xmlns='u'><a/></b>"


def test_the_id_goes_where_that_is_wanted():
    assert taken(b"<presence id='1' type='unavailable'/>", keep_id=False).attributes == (
        b" type='unavailable'"
    )


def test_a_sheet_is_the_same_for_all_but_for_the_address():
    sheet = Sheet(b"<message", b" from='r'><body/></message>")
    assert sheet.bare() == b"<message from='r'><body/></message>"
    assert len(sheet) == len(sheet.bare())
    assert sheet.to("a&b") == b"<message to='a&amp;b' from='r'><body/></message>"
    assert sheet.addressed(b"x") == b"<message to='x' from='r'><body/></message>"


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_survives(body: str, lang: str):
    raw = f"<message xml:lang='{escape(lang)}' to='x'><body>{escape(body)}</body></message>"
    told = parse(taken(raw.encode()).sheet(b"r").to("y"), CLIENT)
    assert told.find(f"{{{CLIENT}}}body") is not None
    assert told.findtext(f"{{{CLIENT}}}body") == parse(raw.encode(), CLIENT).findtext(
        f"{{{CLIENT}}}body"
    )


def test_a_dissected_stanza_has_its_attributes_and_children():
    raw = b"<iq id='&lt;1&gt;' type='get'><query xmlns='u' node='n'/></iq>"
    stanza, children = dissect(raw)
    assert stanza.tag == f"{{{CLIENT}}}iq"
    assert stanza.attributes == {"id": "<1>", "type": "get"}
    assert stanza.children == ("{u}query",)
    assert stanza.child_attribute("{u}query", "node") == "n"
    assert isinstance(children[0], Child)
    assert raw[children[0].start : children[0].end] == b"<query xmlns='u' node='n'/>"
