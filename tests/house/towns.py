"""Several servers that talk to each other: a test CA, a DNS double, and houses on loopback."""

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import XMLPullParser

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from house.premises import HOST, Premises, short_folder
from house.raw_client import RawClient

PASSWORD = "everybody-has-the-same-one"
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
SERVER_ONLY = (ExtendedKeyUsageOID.SERVER_AUTH,)


class Authority:
    """A CA of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(
        self, folder: Path, domain: str, usages: tuple[Any, ...] = SERVER_ONLY
    ) -> tuple[Path, Path]:
        """Write a certificate, also for the rooms of a domain, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
        leaf = (
            self._builder(subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName(domain), x509.DNSName(f"rooms.{domain}")]
                ),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        certificate, secret = folder / "server.pem", folder / "server.key"
        certificate.write_bytes(
            leaf.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)
        )
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        secret.chmod(0o600)
        return certificate, secret

    def _builder(self, subject: x509.Name, public: Any) -> x509.CertificateBuilder:
        start = datetime.now(UTC) - timedelta(minutes=5)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=30))
        )


class Names:
    """A DNS server on loopback that knows what it is told; all else does not exist.

    Attributes:
        records: Text of records by name and kind.
        asked: Every question that came.

    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.2)
        self._over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def lead(self, domain: str, port: int, *, service: str = "_xmpp-server") -> None:
        """Say that a domain's server is on this machine."""
        self.records[f"{service}._tcp.{domain}", "SRV"] = [f"0 0 {port} host.{domain}."]
        self.records[f"host.{domain}", "A"] = [HOST]

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over:
            try:
                data, sender = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self._socket.sendto(self._answer(data), sender)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.records.get((name, kind))
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, 5, "IN", kind, *records))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@dataclass
class Town:
    """Servers by their domains."""

    folder: Path
    authority: Authority
    names: Names
    stack: ExitStack
    houses: dict[str, Premises] = field(default_factory=dict)

    def open(
        self,
        domain: str,
        *people: str,
        named: str = "",
        federation: str = "",
        xmpp: str = "",
        more: str = "",
        usages: tuple[Any, ...] = SERVER_ONLY,
        direct: bool = False,
    ) -> Premises:
        """Start a server.

        Args:
            domain: Its own.
            people: Their local parts.
            named: Whom its certificate names, when that is somebody else.
            federation: More of that section.
            xmpp: More of that section.
            more: More sections.
            usages: What its certificate is made for.
            direct: Its SRV record leads to TLS at once.

        """
        folder = self.folder / domain
        certificate, key = self.authority.issue(folder / "certs", named or domain, usages)
        house = Premises(folder)
        house.secrets = {PASSWORD}
        house.config.write_text(
            f'domain = "{domain}"\ndata = "data"\n'
            f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
            f'[xmpp]\nlisten = []\nlisten_tls = []\nlisten_plain = ["{HOST}:0"]\n'
            f'listen_server = ["{HOST}:0"]\nlisten_server_tls = ["{HOST}:0"]\n{xmpp}\n'
            f'[xmpp.federation]\nauthorities = "{self.authority.file}"\n'
            f'resolvers = ["{HOST}:{self.names.port}"]\n{federation}\n'
            "[directory]\nscram_iterations = 4096\n"
            f'[log]\nlevel = "debug"\nformat = "json"\n{more}\n'
        )
        house.start()
        self.stack.callback(lambda: house.stop() if house.alive else None)
        for local in people:
            house.ask("person.add", address=f"{local}@{domain}", password=PASSWORD)
        if direct:
            self.names.lead(domain, house.ports["server-tls"], service="_xmpps-server")
        else:
            self.names.lead(domain, house.ports["server"])
        self.names.lead(f"rooms.{domain}", house.ports["server"])
        self.houses[domain] = house
        return house

    def client(self, address: str, *, present: bool = True, managed: bool = False) -> RawClient:
        """A raw client, logged in."""
        local, _, domain = address.partition("@")
        house = self.houses[domain]
        client = RawClient(HOST, house.ports["plain"], domain, "plain", secrets=house.secrets)
        self.stack.callback(client.drop)
        client.log_in(local, PASSWORD)
        client.bind("raw")
        client.iq("get", "<query xmlns='jabber:iq:roster'/>")
        if managed:
            client.manage()
        if present:
            client.send("<presence/>")
        return client

    @contextmanager
    def server(self, domain: str, house: Premises) -> Iterator["RawServer"]:
        """A raw server of a domain, connected to a house, with a certificate of its own."""
        files = self.authority.issue(self.folder / domain, domain, BOTH)
        to = house.folder.name
        raw = RawServer(HOST, house.ports["server"], to, "starttls", ca=self.authority.file)
        try:
            raw.begin(domain, *files)
            yield raw
        finally:
            raw.drop()


class RawServer(RawClient):
    """The other end of a stream between servers, on a plain socket."""

    def begin(self, own: str, certificate: Path, key: Path) -> None:
        """Say who connects, and with which certificate."""
        self.own = own
        assert self._context is not None
        self._context.load_cert_chain(certificate, key)

    def prove(self) -> None:
        """Turn to TLS and log in with the certificate (SASL EXTERNAL)."""
        self.open()
        assert self.mechanisms == ["EXTERNAL"]
        self._say("auth", self.own.encode(), "EXTERNAL")
        assert self.next().tag.endswith("}success")
        self._header()

    def _header(self) -> None:
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self.send(
            f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' version='1.0'"
            f" xmlns:stream='http://etherx.jabber.org/streams' to='{self.domain}'"
            f" from='{self.own}'>"
        )
        self.features = self.next()


@contextmanager
def open_town() -> Iterator[Town]:
    """A town that is cleared away, whatever happened."""
    with short_folder() as folder, ExitStack() as stack:
        names = Names()
        stack.callback(names.close)
        yield Town(folder, Authority(folder), names, stack)


def soon(check: Any, limit: float = 10.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + limit
    while not check():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


BOT = """
import asyncio, sys, slixmpp
class Echo(slixmpp.ComponentXMPP):
    def __init__(self, domain, secret, port):
        super().__init__(domain, secret, "127.0.0.1", port)
        self.add_event_handler("message", self.say)
        self.add_event_handler("session_start", lambda _: print("ready", flush=True))
        self.add_event_handler("stream_error", lambda e: print(e["condition"], flush=True))
        self.add_event_handler("disconnected", lambda _: sys.exit(1))
    def say(self, message):
        if message["type"] in ("chat", "normal"):
            message.reply(message["body"]).send()
async def main():
    echo = Echo(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    echo.connect()
    await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


@contextmanager
def echo_bot(domain: str, secret: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """A component that says again what it is told, in a process of its own."""
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, domain, secret, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert bot.stdout is not None
        said = bot.stdout.readline().strip()
        # slixmpp begins before a conflict is told.
        if said == "ready" and select.select([bot.stdout], [], [], 0.5)[0]:
            said = bot.stdout.readline().strip()
        assert said == "ready", said
        yield bot
    finally:
        bot.kill()
        bot.wait()
        if bot.stdout is not None:
            bot.stdout.close()
