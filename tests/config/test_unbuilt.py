from pathlib import Path
from typing import Any

import pytest

from clarion.config import doors
from clarion.config.load import ConfigError, from_mapping

OFF_SIP = {"listen_udp": [], "listen_tcp": [], "listen_tls": []}


def errors_of(raw: dict[str, Any]):
    with pytest.raises(ConfigError) as caught:
        from_mapping(raw, Path("/etc/clarion"), {})
    return caught.value.errors


def refusal(listener: str, door: str, advice: str):
    return f"{listener}: the {door} door is not part of this version yet; {advice}"


def test_the_doors_so_far():
    assert {
        "xmpp",
        "metrics",
        "web",
        "files",
        "server-to-server",
        "component",
        "push",
    } == doors.BUILT


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (
            {"mail": {}},
            [
                refusal(f"mail.{key}", "mail", "leave [mail] out")
                for key in (
                    "listen_smtp",
                    "listen_submission",
                    "listen_submissions",
                    "listen_imap",
                    "listen_imaps",
                )
            ],
        ),
        (
            {"sip": {**OFF_SIP, "listen_tls": ["0.0.0.0:5061"]}},
            [refusal("sip.listen_tls", "sip", "leave [sip] out")],
        ),
        (
            {"ding": {}},
            [
                (
                    'ding.provider: "twilio" is not part of this version yet; '
                    'write provider = "off" or leave [ding] out'
                )
            ],
        ),
        (
            {"ding": {"provider": "double"}},
            [
                (
                    'ding.provider: "double" is not part of this version yet; '
                    'write provider = "off" or leave [ding] out'
                )
            ],
        ),
        (
            {"store": {"url": "postgresql://u:hush@db/clarion"}},
            ['store.url: PostgreSQL is not part of this version yet; write url = "sqlite"'],
        ),
    ],
)
def test_what_this_version_lacks_is_refused_by_name(raw: dict[str, Any], lines: list[str]):
    assert list(errors_of(raw)) == lines


def test_it_is_refused_beside_other_errors():
    sip = {**OFF_SIP, "listne": [], "listen_tls": ["0.0.0.0:5061"]}
    assert errors_of({"sip": sip, "dta": 1}) == (
        "sip.listne: no such setting; did you mean 'listen_udp'?",
        "dta: no such setting; did you mean 'data'?",
        refusal("sip.listen_tls", "sip", "leave [sip] out"),
    )


def test_a_later_version_only_adds_a_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "BUILT", frozenset({"xmpp", "web"}))
    monkeypatch.setattr(doors, "DING_PROVIDERS", frozenset({"off", "double"}))
    monkeypatch.setattr(doors, "STORE_ENGINES", frozenset({"sqlite", "postgresql"}))
    config = from_mapping(
        {"web": {}, "ding": {"provider": "double"}, "store": {"url": "postgresql://db/c"}},
        Path("/etc/clarion"),
    )
    assert config.web is not None
    assert str(config.web.listen[0]) == "0.0.0.0:443"
    assert config.store.engine == "postgresql"


def test_web_without_tls_needs_loopback_or_a_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "BUILT", frozenset({"xmpp", "web"}))
    assert errors_of({"web": {"listen_plain": ["[::1]:80", "10.0.0.5:80"]}}) == (
        (
            'web.listen_plain: "10.0.0.5:80" can be reached by others without TLS; listen on '
            "loopback (127.0.0.1, [::1], localhost) or name your proxy in web.trusted_proxies"
        ),
    )
    behind = {"listen_plain": ["10.0.0.5:80"], "trusted_proxies": ["10.0.0.9"]}
    assert from_mapping({"web": behind}, Path("/etc/clarion")).web is not None


def test_an_endpoint_is_given_to_one_listener_only():
    assert errors_of({"xmpp": {"listen": ["[::1]:5222"], "listen_plain": ["[::1]:5222"]}}) == (
        'xmpp.listen_plain: "[::1]:5222" is taken by xmpp.listen',
    )
    free = {"listen": ["127.0.0.1:0"], "listen_tls": ["127.0.0.1:0"]}
    assert from_mapping({"xmpp": free}, Path("/etc/clarion")).xmpp.listen[0].port == 0


def test_udp_and_tcp_are_different_places(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "BUILT", frozenset({"xmpp", "sip"}))
    assert from_mapping({"sip": {}}, Path("/etc/clarion")).sip is not None
