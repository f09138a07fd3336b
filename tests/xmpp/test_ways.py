import pytest

from clarion.lib.errors import DeniedError
from clarion.xmpp.ways import web_kind


@pytest.mark.parametrize(
    ("remote", "secure", "kind"),
    [("192.0.2.1", True, "https"), ("127.0.0.1", False, "http"), ("::1", False, "http")],
)
def test_by_which_way_a_browser_came(remote: str, secure: bool, kind: str):
    assert web_kind(remote, secure=secure) == kind


@pytest.mark.parametrize("remote", ["192.0.2.1", "2001:db8::1", "local", "", None])
def test_without_tls_nobody_comes_from_elsewhere(remote: str | None):
    with pytest.raises(DeniedError, match="needs TLS"):
        web_kind(remote, secure=False)
