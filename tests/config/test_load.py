from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.config.load import FILE_LIMIT, Config, ConfigError, from_mapping, load
from clarion.config.values import Endpoint
from clarion.lib.errors import UsageError

FOLDER = Path("/etc/clarion")


def written(folder: Path, text: str | bytes):
    path = folder / "clarion.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def errors_of(folder: Path, text: str | bytes, **environment: str):
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environment)
    return caught.value.errors


def test_the_smallest_real_file(tmp_path: Path):
    config = load(
        written(
            tmp_path,
            'domain = "Corp.Example"\ndata = "/var/lib/clarion"\n'
            '[tls]\ncertificate = "certs/fullchain.pem"\nkey = "certs/privkey.pem"\n',
        )
    )
    assert config.domain == "corp.example"
    assert config.data == Path("/var/lib/clarion")
    assert config.database == Path("/var/lib/clarion/clarion.db")
    assert config.socket == Path("/var/lib/clarion/clarion.sock")
    assert config.tls.certificate == tmp_path / "certs/fullchain.pem"
    assert config.tls.key == tmp_path / "certs/privkey.pem"
    assert config.xmpp.listen == (Endpoint("0.0.0.0", 5222),)
    assert config.xmpp.listen_tls == (Endpoint("0.0.0.0", 5223),)
    assert config.xmpp.listen_plain == config.xmpp.listen_server == ()
    assert config.xmpp.rooms == "rooms.corp.example"
    assert config.ledger.ask is True
    assert config.ledger.sync_counts is False
    assert config.store.engine == "sqlite"


def test_doors_whose_section_is_absent_are_off_except_chat():
    config = from_mapping({}, FOLDER)
    doors = (config.mail, config.sip, config.web, config.ding, config.files, config.twilio)
    assert doors == (None,) * 6
    assert config.xmpp.listen


def test_an_empty_file_gives_every_default():
    config = from_mapping({}, FOLDER)
    assert config.domain == "localhost"
    assert config.data == FOLDER / "data"
    assert config.limits.login_stanza_bytes == 10 * 1024
    assert config.limits.login_total_bytes == 256 * 1024
    assert config.limits.stanza_bytes == 256 * 1024
    assert config.directory.roster_size == 300
    assert config.directory.scram_iterations == 10_000


def test_relative_paths_start_where_the_file_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path, 'data = "state"\n[admin]\nsocket = "c.sock"\n')
    monkeypatch.chdir(tmp_path)
    config = load(Path("clarion.toml"))
    assert config.data == tmp_path / "state"
    assert config.socket == tmp_path / "c.sock"


def test_a_configuration_does_not_change_and_has_no_further_attributes():
    config = from_mapping({}, FOLDER)
    with pytest.raises(ValueError, match="frozen"):
        config.domain = "other.example"
    with pytest.raises(ValueError, match="frozen"):
        config.limits.stanza_bytes = 1


def test_every_section_of_the_product_parses():
    config = from_mapping(
        {
            "mail": {
                **{
                    key: []
                    for key in (
                        "listen_smtp",
                        "listen_submission",
                        "listen_submissions",
                        "listen_imap",
                        "listen_imaps",
                        "listen_plain_imap",
                        "listen_plain_smtp",
                    )
                },
                "outbound": "smtp://user:pass@smarthost:587",
            },
            "sip": {
                "listen_udp": [],
                "listen_tcp": [],
                "listen_tls": [],
                "rtp_ports": "30000-30999",
                "trunk": [{"name": "main", "server": "sip.example", "password": "env:SIP"}],
            },
            "web": {
                "listen": [],
                "listen_plain": [],
                "trusted_proxies": ["10.0.0.0/8"],
                "public": "https://chat.corp.example/",
            },
            "ding": {"provider": "off", "policies": {"night": {"sms_after": 5, "call_after": 6}}},
            "twilio": {"account": "AC1", "tokens": ["a", "b"], "numbers": ["+441632960001"]},
            "files": {},
            "push": {},
            "metrics": {"listen": []},
            "store": {"url": "sqlite"},
            "xmpp": {
                "federation": {"allow": ["b.example"]},
                "components": [],
                "contact": {"abuse": ["mailto:abuse@corp.example"]},
            },
            "log": {"level": "debug", "format": "json"},
            "admin": {},
        },
        FOLDER,
        {"SIP": "hush"},
    )
    assert config.mail is not None
    assert config.mail.outbound.get_secret_value() == "smtp://user:pass@smarthost:587"
    assert config.sip is not None
    assert config.sip.trunk[0].password.get_secret_value() == "hush"
    assert str(config.sip.rtp_ports) == "30000-30999"
    assert config.web is not None
    assert config.web.public == "https://chat.corp.example"
    assert config.ding is not None
    assert config.ding.policies["night"].call_after == 6
    assert config.xmpp.federation.allow == ("b.example",)
    assert config.xmpp.contact.abuse == ("mailto:abuse@corp.example",)
    assert config.xmpp.contact.admin == ()


def test_all_errors_come_at_once_in_an_operators_words(tmp_path: Path):
    assert errors_of(
        tmp_path,
        """
        dta = "x"
        listen_smtp = []
        [xmpp]
        listen = ["0.0.0.0", "::1:5222"]
        listen_plain = ["0.0.0.0:5222"]
        domain = "corp.example"
        [ding]
        provider = "off"
        sms_aftr = 3
        sms_after = "2m"
        call_attempts = 11
        [log]
        format = "jsn"
        [limits]
        stanza_bytes = 5000.5
        [xmp]
        listen = []
        """,
    ) == (
        'xmpp.listen: "0.0.0.0" has no port; write "host:port", e.g. "0.0.0.0:5222"',
        'xmpp.listen: "::1:5222": an IPv6 address stands in brackets: "[::1]:5222"',
        (
            'xmpp.listen_plain: "0.0.0.0:5222" can be reached by others, and passwords would cross '
            "the network unencrypted; listen on loopback (127.0.0.1, [::1], localhost)"
        ),
        "xmpp.domain: no such setting; did you mean 'domain' above the first section?",
        'ding.sms_after: must be a number of seconds, got "2m"',
        "ding.call_attempts: must be 1 to 10 calls, got 11",
        "ding.sms_aftr: no such setting; did you mean 'sms_after'?",
        "limits.stanza_bytes: must be a whole number of bytes, got 5000.5",
        'log.format: must be one of "text", "json", got "jsn"; did you mean \'json\'?',
        "dta: no such setting; did you mean 'data'?",
        "listen_smtp: no such setting; did you mean 'mail.listen_smtp'?",
        "xmp: no such section; did you mean 'xmpp'?",
    )


def test_an_error_is_a_usage_error_with_a_line_each(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path, "domian = 1\nlgo = 2\n"))
    assert str(caught.value) == (
        "domian: no such setting; did you mean 'domain'?\nlgo: no such setting; did you mean 'log'?"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[ding]\nprovider = 'off'\nsms_after = 400\ncall_after = 300\n",
            "ding.call_after: must be later than sms_after (400 s), got 300 s",
        ),
        (
            "[ding]\nprovider = 'off'\nsms_after = 400\n",
            "ding.call_after: must be later than sms_after (400 s), got 180 s",
        ),
        (
            "[ding]\nprovider = 'off'\n[ding.policies.night]\nsms_after = 9\ncall_after = 8.5\n",
            "ding.policies.night.call_after: must be later than sms_after (9 s), got 8.5 s",
        ),
        (
            "domain = 'corp.example'\n[xmpp]\nrooms = 'corp.example'\n",
            (
                "xmpp.rooms: must not be the server's own domain; leave it out for "
                '"rooms.corp.example"'
            ),
        ),
        (
            "[limits]\nlogin_stanza_bytes = 20000\nlogin_total_bytes = 10000\n",
            (
                "limits.login_total_bytes: must not be below login_stanza_bytes (20000 bytes), "
                "got 10000 bytes"
            ),
        ),
        (
            "[limits]\nstanza_bytes = 100000\nsend_queue_bytes = 65536\n",
            (
                "limits.send_queue_bytes: must not be below stanza_bytes (100000 bytes), "
                "got 65536 bytes"
            ),
        ),
        (
            "[limits]\nstanza_bytes = 100000\nunacknowledged_bytes = 65536\n",
            (
                "limits.unacknowledged_bytes: must not be below stanza_bytes (100000 bytes), "
                "got 65536 bytes"
            ),
        ),
        (
            "[limits]\nconnections_per_address = 10\n",
            "limits.strangers_per_address: must not be above connections_per_address (10), got 500",
        ),
        (
            "[limits]\nresume_time = inf\n",
            "limits.resume_time: must be 0 to 86400 seconds, got inf",
        ),
        (
            "[directory]\nscram_iterations = 1000\n",
            "directory.scram_iterations: must be 4096 to 10000000 rounds, got 1000",
        ),
        (
            "[directory]\ntime_zone = 'Mars/Olympus'\n",
            'directory.time_zone: is no time zone this machine knows; write e.g. "Europe/Berlin"',
        ),
        (
            "[directory]\nlanguage = 'en_GB'\n",
            'directory.language: must be a language tag such as "en" or "zh-Hans"',
        ),
        ("[store]\nurl = 'mysql://x'\n", 'store.url: must be "sqlite" or "postgresql://..."'),
        ("[ledger]\nask = 'yes'\n", 'ledger.ask: must be true or false, got "yes"'),
        ("ledger = true\n", "ledger: must be a section, got true"),
        ("data = 5\n", "data: must be a path in quotes, got 5"),
        (
            "data = ''\n",
            "data: must be a path in quotes, got an empty text or a NUL character",
        ),
        (
            "[xmpp]\nlisten = '0.0.0.0:5222'\n",
            'xmpp.listen: must be a list of "host:port", got "0.0.0.0:5222"',
        ),
        ("[xmpp]\nlisten = [5222]\n", 'xmpp.listen: must be a list of "host:port", got 5222'),
        (
            "[sip]\nlisten_udp=[]\nlisten_tcp=[]\nlisten_tls=[]\nrtp_ports = '30000'\n",
            'sip.rtp_ports: must be a text such as "20000-29999", got "30000"',
        ),
        (
            "[sip]\nlisten_udp=[]\nlisten_tcp=[]\nlisten_tls=[]\nrtp_ports = '30000-20000'\n",
            'sip.rtp_ports: must run upwards within 1024 to 65535, got "30000-20000"',
        ),
        (
            "[sip]\nlisten_udp=[]\nlisten_tcp=[]\nlisten_tls=[]\n[[sip.trunk]]\nname = 'a'\n",
            "sip.trunk[0].server: must be given",
        ),
        (
            "[web]\nlisten = []\npublic = 'chat.example'\n",
            'web.public: must be an address such as "https://chat.corp.example"',
        ),
        (
            "[web]\nlisten = []\ntrusted_proxies = ['10.0.0.1/8']\n",
            (
                'web.trusted_proxies: "10.0.0.1/8" is no address or network: '
                "10.0.0.1/8 has host bits set"
            ),
        ),
        (
            "[twilio]\nnumbers = ['0049 30']\n",
            'twilio.numbers: "0049 30" is no number such as "+441632960001" (E.164)',
        ),
        ("[mial]\na = 1\n", "mial: no such section; did you mean 'mail'?"),
        ("[trunk]\na = 1\n", "trunk: no such section; did you mean [sip.trunk]?"),
        ("[log]\nmetrics = 1\n", "log.metrics: no such setting; did you mean [metrics]?"),
        ("qqq = 1\n", "qqq: no such setting"),
        ('"a\\nb" = 1\n', '"a\\nb": no such setting'),
    ],
)
def test_what_the_operator_reads(tmp_path: Path, text: str, line: str):
    assert errors_of(tmp_path, text) == (line,)


def test_a_number_that_python_does_not_print():
    with pytest.raises(ConfigError) as caught:
        from_mapping({"limits": {"resume_time": 10**5000}}, FOLDER)
    assert str(caught.value) == (
        "limits.resume_time: must be a number of seconds, got a very long number"
    )


def test_a_wrong_domain_says_what_is_wrong_with_it(tmp_path: Path):
    (line,) = errors_of(tmp_path, 'domain = "corp example"\n')
    assert line.startswith("domain: ")
    assert "not allowed" in line


def test_syntax_errors_have_line_and_column(tmp_path: Path):
    path = tmp_path / "clarion.toml"
    assert errors_of(tmp_path, 'domain = "x"\ndata = \n') == (
        f"{path}: line 2, column 8: invalid value",
    )
    (line,) = errors_of(tmp_path, 'domain = "x')
    assert line.startswith(f"{path}: at its end: ")
    (line,) = errors_of(tmp_path, "[tls]\n[tls]\n")
    assert line.startswith(f"{path}: line 2, column 5: ")


def test_files_that_are_no_configuration(tmp_path: Path):
    path = tmp_path / "clarion.toml"
    assert errors_of(tmp_path, b'domain = "a"\n# \xff\n') == (f"{path}: line 2: is not UTF-8 text",)
    (line,) = errors_of(tmp_path, b"#" * (FILE_LIMIT + 1))
    assert line == f"{path}: larger than {FILE_LIMIT} bytes, so hardly a configuration"
    (line,) = errors_of(tmp_path, "a = " + "[" * 100_000)
    assert line.startswith(f"{path}: ")
    (line,) = errors_of(tmp_path, "a = " + "9" * 10_000)
    assert line.startswith((f"{path}: ", "a: "))


def test_a_missing_file_says_how_to_get_one(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.toml")
    assert str(caught.value) == (
        f"{tmp_path}/none.toml: no such file; `clarion init DIR --domain DOMAIN` writes one"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a directory"


def test_secrets_come_from_files_and_variables(tmp_path: Path):
    (tmp_path / "token").write_text("hush-file\n")
    text = '[twilio]\ntokens = ["file:token", "env:TOKEN", "hush-plain"]\n'
    config = load(written(tmp_path, text), {"TOKEN": "hush-env"})
    assert config.twilio is not None
    tokens = [token.get_secret_value() for token in config.twilio.tokens]
    assert tokens == ["hush-file", "hush-env", "hush-plain"]
    assert "hush" not in repr(config)
    assert "hush" not in str(config)


def test_missing_secrets_are_errors(tmp_path: Path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    text = (
        '[twilio]\ntokens = ["file:none", "env:NONE", "file:empty", "file:binary", "file:large",'
        ' "file:a\\u0000b", 5]\n'
    )
    assert errors_of(tmp_path, text) == (
        f"twilio.tokens: {tmp_path}/none: no such file or directory",
        "twilio.tokens: the environment variable NONE is not set",
        f"twilio.tokens: {tmp_path}/empty: is empty",
        f"twilio.tokens: {tmp_path}/binary: is not UTF-8 text",
        f"twilio.tokens: {tmp_path}/large: larger than 65536 bytes, so hardly a secret",
        "twilio.tokens: the path of the secret's file holds a NUL character",
        'twilio.tokens: must be a list of texts in quotes, "file:PATH" or "env:NAME"',
    )


@pytest.mark.parametrize("domain", ["corp.example", "rooms.corp.example", "proxy.corp.example"])
def test_a_component_has_a_domain_of_its_own(tmp_path: Path, domain: str):
    component = f'[[xmpp.components]]\ndomain = "{domain}"\nsecret = "x"\n'
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f'domain = "corp.example"\n{component}'))
    assert caught.value.errors == (
        f'xmpp.components: "{domain}" is taken already; a component has a domain of its own',
    )


def test_two_components_with_one_domain_are_refused(tmp_path: Path):
    component = '[[xmpp.components]]\ndomain = "gate.example"\nsecret = "x"\n'
    with pytest.raises(ConfigError, match="is taken already"):
        load(written(tmp_path, f'domain = "corp.example"\n{component}{component}'))


def test_errors_never_show_a_secret_nor_the_value_of_an_unknown_key(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(
            written(
                tmp_path,
                '[mail]\noutbound = "hush1"\n[twilio]\ntokens = "hush2"\npasword = "hush3"\n'
                '[store]\nurl = "postgresql://u:hush4@db/c"\n[[xmpp.components]]\nsecret = 77123\n',
            )
        )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for hidden in ("hush", "77123"):
        assert hidden not in str(caught.value)


toml_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.sampled_from(["off", "sqlite", "0.0.0.0:1", "[::1]:0", "a.example", "env:X", "file:x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
sections = sorted(Config.model_fields)
keys = sorted(
    {key for field in ("xmpp", "limits", "tls", "store") for key in dir(Config().__dict__[field])}
    & {"listen", "listen_tls", "listen_plain", "components", "federation", "url", "stanza_bytes"}
)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(sections) | st.text(),
        toml_values | st.dictionaries(st.sampled_from(keys) | st.text(), toml_values),
        max_size=5,
    )
)
def test_any_table_is_a_configuration_or_a_list_of_readable_errors(raw: dict[str, Any]):
    try:
        errors: tuple[str, ...] = ()
        from_mapping(raw, FOLDER, {})
    except ConfigError as error:
        errors = error.errors or ("an error without a line",)
    assert "an error without a line" not in errors
    for line in errors:
        assert "\n" not in line
        assert len(line) < 400
