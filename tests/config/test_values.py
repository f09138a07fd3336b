import re

import pytest

from clarion.config.values import URI_LIMIT, Endpoint, optional_host, parse_endpoint, parse_uri


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("0.0.0.0:5222", Endpoint("0.0.0.0", 5222)),
        ("127.0.0.1:0", Endpoint("127.0.0.1", 0)),
        ("[::1]:65535", Endpoint("::1", 65535)),
        ("[fe80::1]:1", Endpoint("fe80::1", 1)),
        ("localhost:5222", Endpoint("localhost", 5222)),
        ("chat-1.corp.example:5222", Endpoint("chat-1.corp.example", 5222)),
    ],
)
def test_endpoints(text: str, endpoint: Endpoint):
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == text
    assert parse_endpoint(endpoint) is endpoint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5222", '"5222" has no port; write "host:port", e.g. "0.0.0.0:5222"'),
        (":5222", '":5222" has no host; write "0.0.0.0:5222" for every address'),
        ("::1", '"::1": an IPv6 address stands in brackets: "[::1]:5222"'),
        ("[::1]", '"[::1]": an IPv6 address stands in brackets: "[::1]:5222"'),
        ("[::g]:1", '"[::g]:1": "::g" is no IPv6 address'),
        ("256.1.1.1:1", '"256.1.1.1:1": "256.1.1.1" is neither an address nor a host name'),
        ("a b:1", '"a b:1": "a b" is neither an address nor a host name'),
        ("h:65536", '"h:65536": the port must be 0 to 65535'),
        ("h:-1", '"h:-1": the port must be 0 to 65535'),
        ("h:", '"h:": the port must be 0 to 65535'),
        ("h:\u0661", '"h:\u0661": the port must be 0 to 65535'),
        ("h\n:1", '"h\\u000a:1": "h\\u000a" is neither an address nor a host name'),
    ],
)
def test_what_is_no_endpoint(text: str, message: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared below
        parse_endpoint(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "uri",
    [
        "mailto:abuse@corp.example",
        "xmpp:admins@corp.example?message",
        "https://status.corp.example/now#today",
        "tel:+4930123456",
        "x:" + "y" * (URI_LIMIT - 2),
    ],
)
def test_uris(uri: str):
    assert parse_uri(uri) == uri


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "abuse@corp.example",
            (
                '"abuse@corp.example" is no URI; write "mailto:abuse@corp.example" or '
                '"xmpp:abuse@corp.example"'
            ),
        ),
        ("corp.example", '"corp.example" is no URI; write "https://..." or "mailto:..."'),
        ("", '"" is no URI; write "https://..." or "mailto:..."'),
        ("https://a b", '"https://a b" is no URI; write "https://..." or "mailto:..."'),
        ("x:" + "y" * URI_LIMIT, f"at most {URI_LIMIT} characters, got {URI_LIMIT + 2}"),
    ],
)
def test_what_is_no_uri(text: str, message: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared below
        parse_uri(text)
    assert str(caught.value) == message


def test_a_long_wrong_value_is_cut():
    with pytest.raises(ValueError, match=r'^"x{57}\.\.\." has no port'):
        parse_endpoint("x" * 10_000)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.3.4", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("128.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback(host: str, is_loopback: bool):
    assert Endpoint(host, 1).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("", ""),
        ("files.corp.example", "files.corp.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_hosts(text: str, host: str):
    assert optional_host(text) == host


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", '"a b" is neither a name nor an address'),
        ("192.0.2.256", '"192.0.2.256" is neither a name nor an address'),
        ("files.example:5222", '"files.example:5222": "files.example:5222" is no IPv6 address'),
    ],
)
def test_what_is_no_host(text: str, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        optional_host(text)
