"""Plays ``.talk`` files: conversations between clients and the whole XMPP door.

``[x]`` may be left out; ``#`` begins a comment, an indented line goes on with
the one before it. A client is called ``ann/phone``, or just ``ann`` before it
has logged in::

    ? ann, bob                  these people have accounts; the password is "secret"
    limits: resume_time=10      settings of this talk, before the accounts
    ann/phone enters            it logs in and binds that resource ...
    ann/phone enters with 0198  ... and can resume; {ann/phone} is the resumption id
    ann/phone is here [at -1]   its initial presence; what that echoes is not shown
    ann connects [plain]        a bare connection to a listener: plain, starttls or tls
    ann > <a/>                  it sends these bytes; {x} is a captured value
    ann > blank                 it sends a space
    ann < <a/>                  the next element that came is this (fakes/matching.py)
    ann < <stream:stream .../>  the server's stream header (without the end tag in truth)
    ann .                       nothing more has come
    ann ! closed                the server ended the stream and closed the connection
    ann ! cut                   the server closed the connection without another word
    ann hangs up                its connection breaks
    ann clears                  what came so far is of no interest
    + 30                        seconds pass, and the door looks for silent clients
    store fails: why            every write is refused until ...
    store works
    store waits                 commits take their time until ...
    store goes on
    disabled: ann               an administrator disables the account
    admin: ann                  from now on she is an administrator
    registration: open          [xmpp] registration from now on
    roster_size: 2              the largest department in rosters, before the accounts
    department Sales: ann, bob  these people join it; it is made where it is not there
    leaves Sales: bob           these people leave it
    member tea: bob, cai        these people are members of the room tea from now on
    renamed Sales: Support      a department has another name, its address stays
    named ann: Ann Archer       a person has another name
    sync counts                 [ledger] sync_counts is true from now on
    room coven: owner=ann, password=x       there is a lasting room coven@rooms.corp.example, with
                                these settings of ``RoomConfig`` and affiliations
    changed coven: moderated=1, outcast=bob it is configured anew, or somebody's affiliation
    ann/phone joins coven as witch          it enters a room; what anybody hears then is not shown
    ledger ann, bob: m1 read    what there is between the two, by message id, and its state
"""

import asyncio
import base64
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, tostring

from clarion.config.server import LimitsConfig
from clarion.core.registration import Registrar
from clarion.core.rooms import Affiliated, Affiliation, RoomConfig
from clarion.lib.errors import UnavailableError
from fakes.matching import MismatchError, match, read_elements
from fakes.world import DOMAIN, ROOMS, FakeClient, World, scram_final, world

CHUNKS = (1, 7, 4096)
NAMES = {
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "streams": "urn:ietf:params:xml:ns:xmpp-streams",
    "sasl": "urn:ietf:params:xml:ns:xmpp-sasl",
    "sasl2": "urn:xmpp:sasl:2",
    "bind2": "urn:xmpp:bind:0",
    "fast": "urn:xmpp:fast:0",
    "bind": "urn:ietf:params:xml:ns:xmpp-bind",
    "sm": "urn:xmpp:sm:3",
    "admin": "http://jabber.org/protocol/admin",
    "commands": "http://jabber.org/protocol/commands",
    "register": "jabber:iq:register",
    "muc": "http://jabber.org/protocol/muc",
}
"""Long names that a talk may write short, as ``{sasl}``."""
SCRAM_FIRST = "n=ann,r=0123456789abcdef"
"""What ``{proof}`` takes the client's first message to have been; see ``_say``."""
PATIENCE = 100_000  # turns of the loop that a log-in may take
_NAME = re.compile(r"\{([\w/.-]+)\}")


class TalkError(AssertionError):
    """A talk did not go as it is written."""


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers; comments and folds undone."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line[:1].isspace() and line.strip() and lines:
            first, text = lines[-1]
            lines[-1] = (first, f"{text}\n{line.strip()}")
        elif line.strip() and not line.startswith("#"):
            lines.append((number, line.rstrip()))
    return lines


async def play(path: Path, chunk: int) -> None:
    """Play a talk with what clients send cut into chunks of this many bytes.

    Raises:
        TalkError: It did not go as it is written.

    """
    lines = lines_of(path)
    failure = None
    sizes = [int(line.partition(":")[2]) for _, line in lines if line.startswith("roster_size:")]
    async with world(limits=LimitsConfig(**_limits(lines)), roster_size=[300, *sizes][-1]) as here:
        stage = Stage(here, chunk)
        for number, line in lines:
            try:
                await stage.act(line)
            except (MismatchError, ParseError, KeyError, AssertionError) as error:
                where = f"{path.name}:{number} (chunks of {chunk})"
                failure = TalkError(f"{where}\n{line}\n{error}\n{stage.heard}")
                break
    if failure is not None:
        raise failure  # out here, or the crew would wrap it


def _limits(lines: list[tuple[int, str]]) -> dict[str, Any]:
    texts = [line.removeprefix("limits:") for _, line in lines if line.startswith("limits:")]
    pairs = [setting.strip().split("=") for text in texts for setting in text.split(",")]
    return {name: int(value) for name, value in pairs}


class Stage:
    """Where one talk is played."""

    def __init__(self, here: World, chunk: int) -> None:
        self.heard = ""  # what the last line that expected something got
        self._here = here
        self._chunk = chunk
        self._clients: dict[str, FakeClient] = {}
        self._names = dict(NAMES)
        self._held: list[Callable[[], None]] = []
        self._put = here.database.put
        self._marks: dict[str, Callable[[str, str], Awaitable[None]]] = {
            ">": self._say, "<": self._hear, ".": self._silence, "!": self._over,
            "enters": self._enter, "is": self._show, "connects": self._connect,
            "hangs": self._hang_up, "clears": self._clear,
            "joins": self._enter_room,
        }  # fmt: skip
        self._scenes: dict[str, Callable[[str], Awaitable[None]]] = {
            "?": self._add, "+": self._pass, "store": self._store,
            "admin:": self._make_admin, "registration:": self._register,
            "disabled:": self._disable, "sync": self._sync, "ledger": self._ledger,
            "department": self._join,
            "room": self._room, "changed": self._change_room,
            "member": self._member,
            "leaves": self._leave, "renamed": self._rename, "named": self._name,
        }  # fmt: skip

    async def act(self, line: str) -> None:
        """Do what one line says."""
        self.heard = ""
        who, _, rest = line.partition(" ")
        mark, _, text = rest.partition(" ")
        if who in self._scenes:
            await self._scenes[who](rest)
        elif who not in {"limits:", "roster_size:"}:
            await self._marks[mark](who, text)
        await self._here.settle()

    # -- what clients do --------------------------------------------------------------

    async def _enter(self, who: str, how: str) -> None:
        name, _, resource = who.partition("/")
        client = await self._here.log_in(name, resource, chunk=self._chunk)
        self._clients[who] = client
        if how:
            assert how == "with 0198", how
            await self._say(who, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
            self._names[who] = client.read()[-1].attrib["id"]

    async def _connect(self, who: str, kind: str) -> None:
        self._clients[who] = self._here.connect(kind or "plain", chunk=self._chunk)

    async def _show(self, who: str, how: str) -> None:
        priority = how.removeprefix("here").removeprefix(" at ") or "0"
        await self._say(who, f"<presence><priority>{priority}</priority></presence>")
        own = who.partition("/")[0]
        for name, client in self._clients.items():
            if name.partition("/")[0] == own:
                came = client.read()
                client.elements = [e for e in came if not _presence_of_own(e, own)]

    async def _enter_room(self, who: str, text: str) -> None:
        name, _, nick = text.partition(" as ")
        x = f"<x xmlns='{NAMES['muc']}'/>"
        await self._say(who, f"<presence to='{name}@{ROOMS}/{nick}'>{x}</presence>")
        for client in self._clients.values():
            client.read()

    async def _say(self, who: str, text: str) -> None:
        if "{proof}" in text:
            challenge = base64.b64decode(self._names["challenge"]).decode()
            self._names["proof"] = scram_final(SCRAM_FIRST, challenge, "secret")
        if "{ht}" in text:  # what proves the token that was captured last
            proof = hmac.digest(self._names["token"].encode(), b"Initiator", "sha256")
            self._names["ht"] = base64.b64encode(b"ann\0" + proof).decode()
        await self._clients[who].send(" " if text == "blank" else self._fill(text))

    async def _hang_up(self, who: str, _: str) -> None:
        await self._clients[who].hang_up()

    async def _clear(self, who: str, _: str) -> None:
        self._clients[who].read()

    def _fill(self, text: str) -> str:
        return _NAME.sub(lambda found: self._names[found[1]], text)

    # -- what they hear --------------------------------------------------------------

    async def _hear(self, who: str, text: str) -> None:
        client = self._clients[who]
        for wanted in read_elements(self._fill(text)):
            got = await self._next(client, header=wanted.tag.endswith("}stream"))
            assert got is not None, "nothing came"
            self.heard = f"got: {tostring(got, 'unicode')}"
            match(wanted, got, self._names)

    async def _next(self, client: FakeClient, *, header: bool) -> Element | None:
        """Return what comes next; what threads work out of a password is waited for."""
        for _ in range(PATIENCE):
            came = client.transport.unread or client.elements or client.gone
            if client.transport.reading and (came or (header and client.header is not None)):
                break
            await asyncio.sleep(0)
        await self._here.settle()
        came = client.read()
        client.elements = came[0 if header else 1 :]
        if not header:
            return came[0] if came else None
        found, client.header = client.header, None
        return None if found is None else Element(found.tag, found.attrib)

    async def _silence(self, who: str, _: str = "") -> None:
        came = [tostring(element, "unicode") for element in self._clients[who].read()]
        assert not came, f"but this came: {came}"

    async def _over(self, who: str, how: str) -> None:
        await self._silence(who)
        client = self._clients[who]
        assert how in {"closed", "cut"}, how
        assert client.gone, "the connection is open"
        assert client.over == (how == "closed"), f"an end of the stream came: {client.over}"

    # -- the house -----------------------------------------------------------------------

    async def _add(self, names: str) -> None:
        for name in names.split(","):
            await self._here.add(name.strip())

    async def _pass(self, seconds: str) -> None:
        await self._here.advance(float(seconds))
        for connection in list(self._here.door.connections):
            connection.sweep(self._here.clock.monotonic())

    async def _make_admin(self, name: str) -> None:
        await self._here.directory.change_person(f"{name}@{DOMAIN}", admin=True)

    async def _register(self, mode: str) -> None:
        here, accounts = self._here, mode == "open"
        here.services.registration = Registrar(
            here.directory, here.identity, here.clock, accounts=accounts
        )

    async def _disable(self, name: str) -> None:
        await self._here.directory.disable(f"{name}@{DOMAIN}")

    async def _join(self, text: str) -> None:
        name, people = _pair(text)
        directory, address = self._here.directory, f"{name.lower()}@{DOMAIN}"
        if directory.department(address) is None:
            await directory.add_department(address, name)
        for person in people.split(","):
            await directory.join(f"{person.strip()}@{DOMAIN}", address)

    async def _member(self, text: str) -> None:
        name, people = _pair(text)
        room = self._here.book.get(f"{name}@{ROOMS}")
        assert room is not None, f"there is no room {name}"
        members = [f"{person.strip()}@{DOMAIN}" for person in people.split(",")]
        changes = [Affiliated(member, Affiliation.MEMBER) for member in members]
        await self._here.book.affiliate(room, changes, "")

    async def _leave(self, text: str) -> None:
        name, people = _pair(text)
        for person in people.split(","):
            await self._here.directory.leave(
                f"{person.strip()}@{DOMAIN}", f"{name.lower()}@{DOMAIN}"
            )

    async def _rename(self, text: str) -> None:
        name, new = _pair(text)
        await self._here.directory.rename_department(f"{name.lower()}@{DOMAIN}", new)

    async def _room(self, text: str) -> None:
        name, given = _pair(text)
        config, affiliations = _set_up(RoomConfig(persistent=True), given)
        await self._here.book.create(f"{name}@{ROOMS}", config, affiliations)

    async def _change_room(self, text: str) -> None:
        name, given = _pair(text)
        room = self._here.book.get(f"{name}@{ROOMS}")
        assert room is not None, "there is no such room"
        config, affiliations = _set_up(room.config, given)
        await self._here.book.affiliate(room, affiliations, "")
        await self._here.book.configure(room, config)

    async def _name(self, text: str) -> None:
        person, name = _pair(text)
        await self._here.directory.change_person(f"{person}@{DOMAIN}", name=name)

    async def _sync(self, what: str) -> None:
        assert what == "counts", what
        self._here.services.sync_counts = True

    async def _store(self, what: str) -> None:
        database = self._here.database
        if what.startswith("fails"):
            why = what.partition(":")[2].strip() or "the store failed"
            database.fail_next(UnavailableError(why), 1_000_000)
        elif what == "works":
            database._failures.clear()
        elif what == "waits":
            database.put = self._put_later  # type: ignore[method-assign]  # until "goes on"
        else:
            assert what == "goes on", what
            database.put = self._put  # type: ignore[method-assign]  # as it was
            held, self._held = self._held, []
            for go_on in held:
                go_on()

    def _put_later(self, owner: Any, op: Any) -> asyncio.Future[Any]:
        later: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def go_on() -> None:
            done = self._put(owner, op)
            error = done.exception()
            if error is None:
                later.set_result(done.result())
            else:
                later.set_exception(error)

        self._held.append(go_on)
        return later

    async def _ledger(self, text: str) -> None:
        pair, _, wanted = text.partition(":")
        one, other = (f"{name.strip()}@{DOMAIN}" for name in pair.split(","))
        shown = await self._here.ledger.show_thread(one, other, 100)
        self.heard = "got: " + ", ".join(f"{i.message_id} {e.state}" for i, e in shown)
        assert self.heard == f"got: {wanted.strip()}", "the ledger says something else"


def _pair(text: str) -> tuple[str, str]:
    left, _, right = text.partition(":")
    return left.strip(), right.strip()


def _set_up(config: RoomConfig, text: str) -> tuple[RoomConfig, list[Affiliated]]:
    """Read settings of a room and affiliations with it."""
    affiliations: list[Affiliated] = []
    for pair in text.split(","):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key.upper() in Affiliation.__members__:
            affiliations.append(Affiliated(f"{value}@{DOMAIN}", Affiliation[key.upper()]))
            continue
        kind = type(getattr(config, key))
        given: Any = bool(int(value)) if kind is bool else kind(value)
        config = replace(config, **{key: given})
    return config, affiliations


def _presence_of_own(element: Element, name: str) -> bool:
    return element.tag.endswith("}presence") and element.get("from", "").startswith(f"{name}@")
