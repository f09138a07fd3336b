import pytest

from clarion.wire.xmpp.bosh_body import HTTPBIND, RID_LIMIT, BodyError, read_body, write_body

NS = f"xmlns='{HTTPBIND}'"


def test_a_request_is_read():
    body = read_body(
        f"<?xml version='1.0' encoding='utf-8'?>\n<body {NS} rid='7' sid='s' pause='3'"
        " xmlns:x='urn:xmpp:xbosh' x:restart='1'> <a b='>'/>\n<c><![CDATA[</body>]]></c> "
        "</body>\n".encode()
    )
    assert (body.rid, body.sid) == (7, "s")
    assert body.payloads == (b"<a b='>'/>", b"<c><![CDATA[</body>]]></c>")
    assert body.restarts
    assert not body.terminates
    assert body.number("pause", 0) == 3
    assert body.number("other", 5) == 5
    assert body.ver is None


@pytest.mark.parametrize("form", ["<body {} rid='7'/>", "<body {} rid='7'></body >"])
def test_an_empty_one(form: str):
    body = read_body(form.format(NS).encode())
    assert body.is_empty
    assert body.sid == ""


def test_a_prefix_is_a_prefix():
    assert read_body(f"<b:body xmlns:b='{HTTPBIND}' rid='7'><a/></b:body>".encode()).rid == 7


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "text",
        "<body rid='7'/>",
        f"<bod {NS} rid='7'/>",
        f"<body {NS}/>",
        f"<body {NS} rid='0'/>",
        f"<body {NS} rid='-1'/>",
        f"<body {NS} rid='x'/>",
        f"<body {NS} rid='{RID_LIMIT + 1}'/>",
        f"<body {NS} rid='7'>text</body>",
        f"<body {NS} rid='7'><a></body>",
        f"<body {NS} rid='7'></a></body>",
        f"<body {NS} rid='7'><a/></other>",
        f"<body {NS} rid='7'/><body {NS} rid='8'/>",
        f"<body {NS} rid='7'><!-- --></body>",
        f"<!DOCTYPE a><body {NS} rid='7'/>",
        f"<body {NS} rid='7' rid='8'/>",
        f"<body {NS} rid='7' a='&x;'/>",
        f"<body {NS} rid='7'",
        f"<body {NS} rid='7'>",
    ],
)
def test_everything_else_is_refused(raw: str):
    with pytest.raises(BodyError):
        read_body(raw.encode())


def test_an_answer_is_written_with_the_namespaces_that_it_needs():
    assert write_body({}) == f"<body {NS}/>".encode()
    written = write_body({"xmpp:version": "1.0", "a": "'"}, [b"<stream:error/>"])
    assert (
        written
        == (
            f"<body {NS} xmpp:version='1.0' a='&apos;' xmlns:xmpp='urn:xmpp:xbosh'"
            " xmlns:stream='http://etherx.jabber.org/streams'><stream:error/></body>"
        ).encode()
    )
