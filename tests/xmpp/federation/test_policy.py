import pytest

from clarion.config.chat import FederationConfig
from clarion.config.server import LimitsConfig
from clarion.wire.xmpp.dialback import dialback_key
from clarion.xmpp.federation.policy import Policy, peer_rules

OURS = frozenset({"corp.example", "proxy.corp.example"})
SERVED = frozenset({"corp.example"})


def policy(**settings: tuple[str, ...]) -> Policy:
    return Policy(FederationConfig.model_validate(settings), OURS, SERVED)


@pytest.mark.parametrize(
    "domain", ["", "corp.example", "proxy.corp.example", "192.0.2.1", "[2001:db8::1]"]
)
def test_who_is_never_talked_to(domain: str):
    assert not policy().admits(domain)


def test_everybody_but_the_denied_or_only_the_allowed():
    assert policy().admits("other.example")
    assert not policy(deny=("other.example",)).admits("other.example")
    only = policy(allow=("other.example", "both.example"), deny=("both.example",))
    assert only.admits("other.example")
    assert not only.admits("both.example")
    assert not only.admits("third.example")


def test_others_write_to_what_is_served():
    assert policy().serves("corp.example")
    assert not policy().serves("proxy.corp.example")


def test_streams_keep_to_the_limits_of_the_house():
    limits = LimitsConfig(login_time=7, stanza_bytes=20_000)
    rules = peer_rules(policy(), limits, b"secret")
    assert (rules.negotiation_seconds, rules.stanza_bytes) == (7, 20_000)
    assert rules.key("a", "b", "c") == dialback_key(b"secret", "a", "b", "c")
