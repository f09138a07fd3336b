"""What is made from the code is current; ``make docs`` writes it anew."""

import importlib.util
from pathlib import Path

import pytest

from clarion.config.load import load

ROOT = Path(__file__).resolve().parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().PAGES))
def test_the_page_is_current(name: str):
    text = generator().PAGES[name]()
    assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


def test_the_generator_writes_only_what_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    module = generator()
    for name in module.PAGES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    module.main()
    assert capsys.readouterr().out == "".join(f"{name} written\n" for name in module.PAGES)
    module.main()
    assert capsys.readouterr().out == ""


def test_the_minimal_configuration_loads():
    config = load(ROOT / "config" / "minimal.toml")
    assert config.domain == "corp.example"
    assert config.tls.certificate == ROOT / "config" / "certs" / "fullchain.pem"
