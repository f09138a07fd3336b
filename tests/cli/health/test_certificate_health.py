import time
from pathlib import Path
from typing import Any

import pytest

from clarion.cli.health import certificate
from clarion.cli.health.certificate import LAST_DAYS, SOON_DAYS, look
from clarion.cli.health.finding import Finding, Verdict
from clarion.config.load import from_mapping
from clarion.lib import certificates, tls

NOW = time.time()
DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.create(tmp_path / "certs", "corp.example", not_before=NOW - 60)
    return tmp_path


def found(folder: Path, now: float = NOW, status: Any = None, **raw: Any) -> list[Finding]:
    config = from_mapping({"domain": "corp.example", **raw}, folder, {})
    return list(look(config, now, status))


def verdicts(findings: list[Finding]) -> list[str]:
    return [str(finding.verdict) for finding in findings]


def test_one_of_a_private_authority_is_doubtful_only_for_that(folder: Path):
    findings = found(folder)
    assert verdicts(findings) == ["good", "good", "doubtful"]
    assert "whom clients do not know" in findings[2].text


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        (SOON_DAYS + 1, Verdict.GOOD),
        (SOON_DAYS - 1, Verdict.DOUBTFUL),
        (LAST_DAYS - 1, Verdict.BAD),
    ],
)
def test_the_time_that_is_left(folder: Path, left: int, verdict: Verdict):
    until = tls.validity(folder / "certs" / "server.pem")[1]
    (finding,) = [one for one in found(folder, until - left * DAY - 1) if "valid until" in one.text]
    assert finding.verdict is verdict
    assert (finding.advice == "") is (verdict is Verdict.GOOD)


def test_an_expired_one_is_bad_and_said_once(folder: Path):
    findings = found(folder, NOW + 3000 * DAY)
    assert verdicts(findings) == ["bad", "good"]
    assert "expired on" in findings[0].text


def test_one_for_another_domain_is_bad(folder: Path):
    config = from_mapping({"domain": "other.example"}, folder, {})
    first = next(iter(look(config, NOW, None)))
    assert first.verdict is Verdict.BAD
    assert "it does not name other.example" in first.text


def test_missing_files_are_bad_each(tmp_path: Path):
    assert verdicts(found(tmp_path)) == ["bad", "bad"]


def test_a_chain_in_the_wrong_order(folder: Path, tmp_path: Path):
    other = certificates.create(tmp_path / "other", "corp.example", not_before=NOW - 60)
    file = folder / "certs" / "server.pem"
    leaf = file.read_text().split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"
    file.write_text(leaf + other.ca.read_text())
    assert "is not signed by the next in the file" in found(folder)[2].text
    file.write_text(leaf)
    assert "does not lead to an authority" in found(folder)[2].text


def test_one_that_clients_know(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(certificate, "_known", lambda *_: True)
    assert verdicts(found(folder)) == ["good", "good", "good"]


def test_a_server_that_shows_an_older_one(folder: Path):
    until = tls.validity(folder / "certs" / "server.pem")[1]
    assert len(found(folder, status={"certificate_expires": until})) == 3
    last = found(folder, status={"certificate_expires": until - DAY})[-1]
    assert last.verdict is Verdict.DOUBTFUL
    assert "clarion reload" in last.advice


def test_without_tls_none_is_needed(tmp_path: Path):
    plain = {"listen": [], "listen_tls": [], "listen_plain": ["127.0.0.1:0"]}
    assert verdicts(found(tmp_path, xmpp=plain)) == ["good"]


def test_browsers_may_reach_another_name(folder: Path):
    web = {"listen": ["0.0.0.0:443"], "public": "https://web.other.example:8443/x"}
    (finding,) = [one for one in found(folder, web=web) if "browsers" in one.text]
    assert finding.verdict is Verdict.DOUBTFUL
    assert "it does not name web.other.example" in finding.text
    for web in ({"public": "https://corp.example"}, {"listen": [], "public": "https://x.example"}):
        assert not [one for one in found(folder, web=web) if "browsers" in one.text]
