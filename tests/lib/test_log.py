import io
import json
import logging
import warnings

import pytest
import structlog

from clarion.lib.log import (
    KEYS_LIMIT,
    VALUE_LIMIT,
    Format,
    Level,
    RateLimited,
    configure,
    get_logger,
    strike_out,
)

NOON = 1_800_000_000.25
STAMP = "2027-01-15T08:00:00.250Z"


@pytest.fixture
def stream():
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def text_log(stream: io.StringIO, level: Level = "info"):
    configure(level, "text", stream, lambda: NOON)
    return get_logger("xmpp")


def json_log(stream: io.StringIO):
    configure("info", "json", stream, lambda: NOON)
    return get_logger("xmpp")


def test_one_event_a_line_in_text(stream: io.StringIO):
    log = text_log(stream).bind(connection="c5f1")
    log.info("logged in", person="ann@corp.example", attempts=1, tls=True, note="two words")
    assert stream.getvalue() == (
        f"{STAMP} info    xmpp logged in connection=c5f1 person=ann@corp.example attempts=1 "
        'tls=true note="two words"\n'
    )


def test_one_event_a_line_in_json(stream: io.StringIO):
    json_log(stream).bind(connection="c5f1").warning("slow", seconds=0.5, who=("ann", b"\xff"))
    assert list(json.loads(stream.getvalue()).items()) == [
        ("time", STAMP),
        ("level", "warning"),
        ("part", "xmpp"),
        ("connection", "c5f1"),
        ("event", "slow"),
        ("seconds", 0.5),
        ("who", ["ann", "\\xff"]),
    ]


def test_lines_below_the_level_are_not_written(stream: io.StringIO):
    log = text_log(stream, "warning")
    log.info("no")
    log.debug("no")
    log.error("yes")
    assert stream.getvalue() == f"{STAMP} error   xmpp yes\n"


def test_a_logger_made_before_configure_obeys_it(stream: io.StringIO):
    log = get_logger("early")
    configure("info", "text", stream, lambda: NOON)
    log.info("hello")
    assert stream.getvalue() == f"{STAMP} info    early hello\n"


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "new_password",
        "Authorization",
        "proof",
        "auth_token",
        "tokens",
        "secret",
        "client_secret",
        "stored_key",
        "server_key",
        "private_key",
        "x-api-key",
        "set-cookie",
        "sasl.proof",
    ],
)
def test_secrets_are_struck_out_by_name(stream: io.StringIO, key: str):
    json_log(stream).info("event", **{key: "hush", "inside": {key: ["hush"]}})
    line = stream.getvalue()
    assert "hush" not in line
    assert json.loads(line)[key] == "***"


def test_what_only_sounds_like_a_secret_is_shown():
    values = {"key": "x", "keys": 3, "secretary": "ann", "compass": 1, "password": None}
    assert strike_out(values) == values


def test_long_values_are_cut():
    shown = strike_out({"text": "x" * 10_000, "bytes": b"y" * 10_000, "many": list(range(1000))})
    assert shown["text"] == "x" * VALUE_LIMIT + "... (10000 characters)"
    assert len(shown["bytes"]) < VALUE_LIMIT + 30
    assert len(shown["many"]) == 20


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_stranger_cannot_make_lines_or_move_the_cursor(stream: io.StringIO, form: Format):
    configure("info", form, stream, lambda: NOON)
    evil = "a\nb\r\x1b[2Jc\u2028d"
    get_logger("x\ny").info(f"event {evil}", user=evil, **{"k\ney": evil})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert all(c.isprintable() for c in line.rstrip("\n"))


def test_an_exception_stays_on_its_line(stream: io.StringIO):
    log = json_log(stream)
    try:
        int("broken")
    except ValueError as error:
        log.exception("failed")
        handed_in = error
    log.error("failed", exc_info=handed_in)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert line["level"] == "error"
        assert line["exception"].endswith("literal for int() with base 10: 'broken'\n")
        assert "test_log.py" in line["exception"]


def test_there_may_be_no_exception_after_all(stream: io.StringIO):
    text_log(stream).critical("odd", exc_info=True)
    assert stream.getvalue() == f"{STAMP} error   xmpp odd\n"


def test_an_exception_in_text_is_one_line_too(stream: io.StringIO):
    log = text_log(stream)
    try:
        int("broken")
    except ValueError:
        log.exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: invalid literal" in stream.getvalue()


def test_the_standard_library_goes_through_the_same_renderer(stream: io.StringIO):
    text_log(stream)
    logging.getLogger("asyncio").warning("Executing %s took %.3f seconds", "<Task>", 0.25)
    logging.getLogger("asyncio").debug("chatter")
    bad = {"name": "bad", "levelno": logging.ERROR, "msg": "%d", "args": ("no number",)}
    logging.getLogger().handlers[-1].handle(logging.makeLogRecord(bad))  # pytest's would refuse it
    assert stream.getvalue() == (
        f"{STAMP} warning asyncio Executing <Task> took 0.250 seconds\n{STAMP} error   bad %d\n"
    )


def test_python_warnings_are_lines(stream: io.StringIO):
    text_log(stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings puts its own writer in place, so the capture is switched on again inside.
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("coroutine was never awaited", RuntimeWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert stream.getvalue().count("\n") == 1
    assert "py.warnings" in stream.getvalue()
    assert "coroutine was never awaited" in stream.getvalue()


def test_configuring_twice_writes_once(stream: io.StringIO):
    text_log(io.StringIO())
    text_log(stream)
    logging.getLogger("asyncio").error("once")
    assert stream.getvalue().count("once") == 1


def test_a_log_that_cannot_be_written_stops_nobody(stream: io.StringIO):
    closed = io.StringIO()
    log = text_log(closed)
    closed.close()
    log.info("nobody reads this")


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object):
        self.lines.append((event, values))

    warning = info


def left_out(like: str, key: str, count: int):
    return ("more lines like this were left out", {"like": like, "key": key, "left_out": count})


def test_so_many_lines_a_second_and_then_how_many_were_left_out():
    log = Lines()
    limited = RateLimited(log, 2)
    written = [limited.warning("login", "failed", now=10 + n / 10, n=n) for n in range(5)]
    assert written == [True, True, False, False, False]
    assert limited.warning("login", "failed", now=11.0, n=5)
    assert log.lines == [
        ("failed", {"n": 0}),
        ("failed", {"n": 1}),
        left_out("failed", "login", 3),
        ("failed", {"n": 5}),
    ]


def test_keys_are_limited_apart():
    log = Lines()
    limited = RateLimited(log, 1)
    assert limited.warning("a", "x", now=0)
    assert limited.info("b", "y", now=0)
    assert not limited.info("b", "y", now=0.9)


def test_flush_tells_of_what_went_silent_and_forgets_it():
    log = Lines()
    limited = RateLimited(log, 1)
    limited.warning("a", "x", now=0)
    limited.warning("a", "x", now=0.5)
    limited.flush(0.9)
    assert len(log.lines) == 1
    limited.flush(1.0)
    limited.flush(9.0)
    assert log.lines[1:] == [left_out("x", "a", 1)]


def test_keys_are_bounded():
    log = Lines()
    limited = RateLimited(log, 1)
    limited.warning("0", "x", now=0)
    limited.warning("0", "x", now=0)
    for n in range(1, KEYS_LIMIT + 1):
        limited.warning(str(n), "x", now=0)
    assert log.lines[-2] == left_out("x", "0", 1)
    assert len(limited._counts) == KEYS_LIMIT
