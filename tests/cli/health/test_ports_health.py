import socket
from pathlib import Path

import pytest

from clarion.cli.health import ports
from clarion.config.model import Config
from fakes.findings import config, told


def plain(folder: Path, port: int) -> Config:
    listeners = {"listen": [], "listen_tls": [], "listen_plain": [f"127.0.0.1:{port}"]}
    return config(folder, xmpp=listeners)


def test_ports_without_a_server(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = told(ports.look(plain(tmp_path, port), None))
        assert line == f"bad: plain 127.0.0.1:{port}: address already in use"
    (line,) = told(ports.look(plain(tmp_path, port), None))
    assert line == f"good: plain 127.0.0.1:{port}: free for the server"


@pytest.mark.parametrize("configured", ["same", "any"])
def test_ports_of_a_running_server(tmp_path: Path, configured: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        wanted = plain(tmp_path, port if configured == "same" else 0)
        status = {"listening": [{"kind": "plain", "address": f"127.0.0.1:{port}"}]}
        (line,) = told(ports.look(wanted, status))
        assert line.endswith("the server answers")
        assert "does not listen there" in told(ports.look(wanted, {"listening": []}))[0]
    assert told(ports.look(wanted, status))[0].startswith("bad: ")


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("x.example", "x.example"),
    ],
)
def test_where_a_listener_is_found(host: str, reached: str):
    assert ports._reachable(host) == reached


def test_the_web_doors_ports_are_among_them(tmp_path: Path):
    web = {"listen": ["127.0.0.1:0"], "listen_plain": ["127.0.0.1:0"]}
    off = {"listen": [], "listen_tls": []}
    lines = told(ports.look(config(tmp_path, xmpp=off, web=web), None))
    assert lines == [
        "good: https 127.0.0.1:0: free for the server",
        "good: http 127.0.0.1:0: free for the server",
    ]
