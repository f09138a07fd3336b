import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clarion.config import doors, explain
from clarion.config.load import ConfigError, from_mapping, load
from clarion.config.model import Config
from clarion.config.section import Section, bare, extra, is_section, item_of, type_words


def everything(model: type[Section] = Config) -> Iterator[tuple[type[Section], str, Any]]:
    """Every setting and section of the configuration."""
    for name, field in model.model_fields.items():
        yield model, name, field
        kind = bare(field.annotation)
        table = kind if is_section(kind) else item_of(kind)
        if is_section(table):
            yield from everything(table)


def test_every_key_has_help_a_default_and_a_type_in_words():
    for model, name, field in everything():
        where = f"{model.__name__}.{name}"
        assert field.description, where
        assert field.description.endswith("."), where
        assert "\n" not in field.description, where
        assert not field.is_required(), where
        assert type_words(field), where


def test_every_number_has_a_unit_and_a_range():
    for model, name, field in everything():
        if bare(field.annotation) in (int, float):
            assert extra(field, "unit"), f"{model.__name__}.{name}"
            assert re.search(r"\d", explain.range_words(field)), f"{model.__name__}.{name}"


def test_every_listener_names_its_door():
    for model, name, field in everything():
        if name.startswith("listen"):
            assert extra(field, "door"), f"{model.__name__}.{name}"


def test_the_example_loads_and_equals_the_defaults(tmp_path: Path):
    path = tmp_path / "clarion.toml"
    path.write_text(explain.example())
    assert load(path) == from_mapping({}, tmp_path)


def test_the_example_holds_every_setting_also_those_that_are_commented_out():
    text = re.sub(r"(?m)^#(?=\[|[a-z])", "", explain.example())
    raw = tomllib.loads(text)
    assert set(raw) == set(Config.model_fields)
    assert set(raw["mail"]) == set(bare(Config.model_fields["mail"].annotation).model_fields)
    assert set(raw["ding"]["policies"]) == {"NAME"}
    assert raw["sip"]["trunk"] == [
        {"name": "", "server": "", "user": "", "password": "", "numbers": []}
    ]


def test_what_is_commented_out_is_right_once_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doors, "DING_PROVIDERS", frozenset({"off", "twilio"}))
    built = {"xmpp", "server-to-server", "component", "mail", "sip", "web", "metrics", "ding"}
    monkeypatch.setattr(doors, "BUILT", frozenset(built))
    text = re.sub(r"(?m)^#(?=\[|[a-z])", "", explain.example())
    with pytest.raises(ConfigError) as caught:
        from_mapping(tomllib.loads(text), tmp_path)
    # Only what has no sensible default is missing.
    assert caught.value.errors == (
        "xmpp.services[0].host: must be given",
        'xmpp.components[0].secret: must be given, e.g. "file:component.secret"',
        "sip.trunk[0].name: must be given",
        "sip.trunk[0].server: must be given",
    )


def test_a_door_that_is_not_built_is_commented_out_with_a_note():
    text = explain.example()
    assert "# DingMail, for any mail client.\n# Not part of this version yet.\n#[mail]\n" in text
    assert "\n[xmpp]\n" in text


def test_comments_fit_the_width():
    assert max(map(len, explain.example().splitlines())) <= explain.WIDTH


def test_the_starter_loads_and_holds_the_doors_that_exist(tmp_path: Path):
    path = tmp_path / "clarion.toml"
    path.write_text(explain.starter("corp.example"))
    raw = tomllib.loads(path.read_text())
    assert set(raw) == {"domain", "data", "tls", "xmpp", "push", "metrics"}
    config = load(path)
    assert config == from_mapping({"domain": "corp.example"}, tmp_path)
    assert config.data == tmp_path / "data"
    assert config.tls.certificate == tmp_path / "certs" / "server.pem"
    assert config.tls.key == tmp_path / "certs" / "server.key"


def test_the_starter_keeps_a_domain_in_any_script(tmp_path: Path):
    path = tmp_path / "clarion.toml"
    path.write_text(explain.starter("bücher.example"), encoding="utf-8")
    assert load(path).domain == "bücher.example"


def test_the_starter_grows_with_the_doors_which_stay_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doors, "BUILT", frozenset({"xmpp", "mail"}))
    text = explain.starter("corp.example")
    assert "mail" not in tomllib.loads(text)
    assert "mail" in tomllib.loads(re.sub(r"(?m)^#(?=\[|[a-z])", "", text))


def test_the_reference_has_a_row_for_every_setting():
    text = explain.reference()
    for model, name, field in everything():
        kind = bare(field.annotation)
        if not (is_section(kind) or is_section(item_of(kind))):
            assert f"| `{name}` |" in text, f"{model.__name__}.{name}"
    assert (
        "| `sms_after` | a number of seconds | 1 to 604800 | `60` | "
        "Unconfirmed for this long, a person gets an SMS. |"
    ) in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (60.0, "60"),
        (0.5, "0.5"),
        (9999, "9999"),
        (262_144, "262_144"),
        ((), "[]"),
        (None, '""'),
        ('a"b', '"a\\"b"'),
    ],
)
def test_defaults_as_toml(value: object, text: str):
    assert explain.toml(value) == text


def test_sections_are_strict():
    assert Section.model_config["extra"] == "forbid"
    assert Section.model_config["frozen"]
