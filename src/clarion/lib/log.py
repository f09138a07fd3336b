"""Log lines: one event a line, with one id a connection and secrets struck out.

Parts ask ``get_logger("xmpp")`` and bind what stays the same, e.g.
``logger.bind(connection="c5f1")``. Only the composition root calls
``configure``. Lines of the standard library (asyncio's warnings, Python's
own) go through the same processors and look the same.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

VALUE_LIMIT: Final = 500
"""Characters of one value: a stranger's long input must not fill the disk."""
EXCEPTION_LIMIT: Final = 4000
"""Characters of one traceback."""
KEYS_LIMIT: Final = 1024
"""Keys that ``RateLimited`` counts at a time; beyond it the oldest are written out."""
STRUCK: Final = "***"

_SECRET: Final = re.compile(
    r"(?:\A|[_\-. ])(?:password|passwd|passphrase|secrets?|tokens?|authorization|proof|cookies?"
    r"|credentials?|(?:private|stored|server|client|salted|api)[_-]?(?:key|password)|nonce|pin)"
    r"(?:\Z|[_\-. ])",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FIRST: Final = ("time", "level", "part", "connection", "event")


def get_logger(name: str) -> Any:
    """Return the logger of a part, e.g. ``"xmpp"``."""
    return structlog.get_logger(part=name)


def configure(
    level: Level,
    format: Format,  # noqa: A002 - the setting is called so
    stream: TextIO | None = None,
    wall: Callable[[], float] = time.time,
) -> None:
    """Decide for this process what is logged, how it looks and where it goes.

    Args:
        level: The least important lines that are still written.
        format: ``"text"`` for people, ``"json"`` for collectors.
        stream: Where the lines go; standard error when left out.
        wall: UNIX seconds, UTC.

    """
    least = logging.getLevelNamesMapping()[level.upper()]
    pen = _Pen(sys.stderr if stream is None else stream, format, wall)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _with_level, pen.line],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: pen,
        cache_logger_on_first_use=False,  # a second configure() reaches every logger
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Bridge):
            root.removeHandler(handler)
    root.addHandler(_Bridge(pen))
    root.setLevel(max(least, logging.INFO))  # other people's debug lines are not ours to write
    logging.captureWarnings(capture=True)


def strike_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` fit to be written: secrets struck out by name, long values cut."""
    return {
        key: STRUCK if _SECRET.search(key) and value is not None else _bounded(value)
        for key, value in values.items()
    }


class RateLimited:
    """Writes at most so many lines a second for each key, and says how many it left out.

    For what strangers can cause as often as they like: failed log-ins,
    broken XML, refused connections.

    Args:
        logger: Where the lines go.
        lines: At most so many a second and key.

    """

    def __init__(self, logger: Any, lines: int) -> None:
        self._logger = logger
        self._lines = lines
        self._counts: dict[str, _Count] = {}

    def warning(self, key: str, event: str, *, now: float, **values: Any) -> bool:
        """Write a warning, or count it.

        Args:
            key: What is limited together, e.g. ``"login"`` or ``"login 192.0.2.7"``.
            event: What happened.
            now: Monotonic seconds.
            **values: What belongs to it.

        Returns:
            Whether the line was written.

        """
        return self._say("warning", key, event, now, values)

    def info(self, key: str, event: str, *, now: float, **values: Any) -> bool:
        """Write an informational line, or count it; see ``warning``."""
        return self._say("info", key, event, now, values)

    def flush(self, now: float) -> None:
        """Say what was left out for keys that have been quiet for a second, and forget them."""
        for key, count in list(self._counts.items()):
            if now >= count.since + 1:
                self._close(key)

    def _say(self, level: str, key: str, event: str, now: float, values: Mapping[str, Any]) -> bool:
        count = self._counts.get(key)
        if count is None or now >= count.since + 1:
            if count is not None:
                self._close(key)
            elif len(self._counts) >= KEYS_LIMIT:
                self._close(next(iter(self._counts)))
            count = self._counts[key] = _Count(now, event)
        if count.written >= self._lines:
            count.left_out += 1
            return False
        count.written += 1
        getattr(self._logger, level)(event, **values)
        return True

    def _close(self, key: str) -> None:
        count = self._counts.pop(key)
        if count.left_out:
            self._logger.warning(
                "more lines like this were left out",
                like=count.event,
                key=key,
                left_out=count.left_out,
            )


class _Count:
    """What one key has done since ``since``, monotonic seconds."""

    __slots__ = ("event", "left_out", "since", "written")

    def __init__(self, since: float, event: str) -> None:
        self.since = since
        self.event = event
        self.written = 0
        self.left_out = 0


class _Pen:
    """Turns an event into one line and writes it; structlog's last processor and logger."""

    def __init__(self, stream: TextIO, form: Format, wall: Callable[[], float]) -> None:
        self._stream = stream
        self._render = _as_json if form == "json" else _as_text
        self._wall = wall

    def line(self, logger: Any, method: str, values: MutableMapping[str, Any]) -> str:
        """Render one event; a structlog processor."""
        error = _exception(values.pop("exc_info", None))
        shown = strike_out(values)
        if error is not None:
            shown["exception"] = _cut("".join(traceback.format_exception(error)), EXCEPTION_LIMIT)
        moment = datetime.fromtimestamp(self._wall(), UTC)
        shown["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        names = [*(key for key in _FIRST if key in shown), *(k for k in shown if k not in _FIRST)]
        return self._render({name: shown[name] for name in names})

    def msg(self, line: str) -> None:
        """Write a line; a log that cannot be written must not stop the server."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = log = msg


class _Bridge(logging.Handler):
    """Hands what the standard library logs to the same pen."""

    def __init__(self, pen: _Pen) -> None:
        super().__init__()
        self._pen = pen

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of the standard library."""
        try:
            event = record.getMessage()
        except (TypeError, ValueError):  # wrong arguments for the format
            event = str(record.msg)
        values = {
            "level": _level_name(record.levelno),
            "part": record.name,
            "event": event.strip(),
            "exc_info": record.exc_info,
        }
        self._pen.msg(self._pen.line(None, "", values))


def _level_name(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def _with_level(
    logger: Any, method: str, values: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if method in ("exception", "critical"):
        method = "error"
    values["level"] = method
    return values


def _exception(info: Any) -> BaseException | None:
    """Return the exception that a line is about, however it was handed in."""
    if info is True:
        return sys.exc_info()[1]
    if isinstance(info, tuple):
        info = info[1]
    return info if isinstance(info, BaseException) else None


def _bounded(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return strike_out({str(key): item for key, item in value.items()})
    if isinstance(value, bytes):
        value = value[: VALUE_LIMIT + 1].decode("utf-8", "backslashreplace")
    elif isinstance(value, list | tuple | set | frozenset):
        return [_bounded(item) for item in list(value)[:20]]
    return _cut(str(value), VALUE_LIMIT)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=str)


def _as_text(values: Mapping[str, Any]) -> str:
    words = [str(values.get("time")), f"{values.get('level'):7}", _escaped(values.get("part", "-"))]
    words.append(_escaped(values.get("event", "")))
    words += [
        f"{_text_value(key)}={_text_value(value)}"
        for key, value in values.items()
        if key not in ("time", "level", "part", "event")
    ]
    return " ".join(words)


def _escaped(value: Any) -> str:
    """Keep a stranger's line ends and terminal codes from making lines of their own."""
    text = str(value)
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _text_value(value: Any) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.isprintable() else json.dumps(value)
    return json.dumps(value, default=str)
