"""Profanity, a client for the terminal, in tmux: it logs in, chats, and shows the receipt.

It logs in over TLS and checks the certificate against the development CA. The
other end is slixmpp. Profanity shows a message that no receipt has come for in
another colour, so the colours on the screen are what is judged.
"""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from terminal import Terminal
from verdict import Skipped, Verdict

from house.premises import PASSWORDS, Premises, address, open_house, short_folder
from house.slix_client import slix

ANN: Final = address("ann")
BOB: Final = address("bob")
SOON: Final = 20.0
"""Seconds for one thing to be seen on the screen."""
ACCOUNT: Final = """\
[{jid}]
enabled=true
jid={jid}
server=127.0.0.1
port={port}
resource=profanity
password={password}
tls.policy=force
auth.policy=default
presence.last=online
presence.login=online
priority.online=0
"""
PREFERENCES: Final = """\
[connection]
tls.certpath={certificates}

[notifications]
message=false
typing=false
invite=false
sub=false
"""


def judge() -> Verdict:
    """Run the play.

    Raises:
        Skipped: A program is not installed.

    """
    missing = [name for name in ("profanity", "tmux", "openssl") if shutil.which(name) is None]
    if missing:
        raise Skipped(f"{' and '.join(missing)} not installed")
    with open_house(people=("ann", "bob"), level="info") as house, short_folder() as folder:
        environment = _furnish(house, folder)
        terminal = Terminal(folder, ["profanity", "--account", ANN], environment)
        try:
            lines = asyncio.run(_play(house, terminal))
        except AssertionError as wrong:
            return Verdict(passed=False, lines=str(wrong).splitlines())
        finally:
            terminal.close()
        code = house.stop()
    return Verdict(passed=code == 0, lines=lines)


def _furnish(house: Premises, folder: Path) -> dict[str, str]:
    """Write Profanity's folders; returns the variables that lead it there."""
    authorities = folder / "authorities"
    authorities.mkdir()
    mark = ["openssl", "x509", "-noout", "-hash", "-in", str(house.ca)]
    name = subprocess.run(mark, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(house.ca, authorities / f"{name}.0")
    for kind in ("config", "data"):
        (folder / kind / "profanity").mkdir(parents=True)
    account = ACCOUNT.format(jid=ANN, port=house.ports["starttls"], password=PASSWORDS["ann"])
    (folder / "data" / "profanity" / "accounts").write_text(account, encoding="utf-8")
    preferences = PREFERENCES.format(certificates=authorities)
    (folder / "config" / "profanity" / "profrc").write_text(preferences, encoding="utf-8")
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "LANG": "C.UTF-8",
    }


async def _play(house: Premises, terminal: Terminal) -> list[str]:
    """Ann at Profanity, Bob at slixmpp; returns what was seen."""
    async with slix(house, "bob", resource="slix") as bob:
        bob.plugin["xep_0184"].auto_ack = False
        seen = [_first_line(await _look(terminal, "logged in successfully"), "logged in")]
        for command in ("/receipts request on", "/receipts send on", "/carbons on", f"/msg {BOB}"):
            await asyncio.to_thread(terminal.type, command)
        await _look(terminal, BOB)
        await asyncio.to_thread(terminal.type, "Lunch at noon?")
        message = await bob.saw("message", lambda m: m["body"] == "Lunch at noon?")
        assert message["request_receipt"], "Profanity asked for no receipt"
        waiting = _style(await _look(terminal, "Lunch at noon?", colours=True), "Lunch at noon?")
        bob.plugin["xep_0184"].ack(message)
        screen = await asyncio.to_thread(
            terminal.shows,
            lambda text: _style(text, "Lunch at noon?") not in {"", waiting},
            SOON,
            colours=True,
        )
        shown = _style(screen, "Lunch at noon?")
        seen.append(f"the receipt came: the message turned from {waiting!r} to {shown!r}")
        answer = bob.make_message(mto=message["from"], mbody="Gladly, at one.", mtype="chat")
        answer["id"] = "answer"
        answer["request_receipt"] = True
        answer.send()
        seen.append(_first_line(await _look(terminal, "Gladly, at one."), "Gladly"))
        receipt = await bob.saw("receipt_received")
        assert receipt["receipt"] == "answer", "Profanity's receipt names another message"
        seen.append("Profanity's own receipt came back")
        await asyncio.to_thread(terminal.type, "/quit")
    return seen


async def _look(terminal: Terminal, text: str, *, colours: bool = False) -> str:
    return await asyncio.to_thread(
        terminal.shows, lambda screen: text in screen, SOON, colours=colours
    )


def _first_line(screen: str, text: str) -> str:
    """Return the line of the screen that holds a text."""
    found = [line.strip() for line in screen.splitlines() if text in line]
    return f"on the screen: {found[0]}" if found else f"not on the screen: {text}"


def _style(screen: str, text: str) -> str:
    """Return the escape sequences right before a text, "" when it is not there."""
    found = re.search(r"((?:\x1b\[[0-9;]*m)+)[^\x1b]*" + re.escape(text), screen)
    return found[1].replace("\x1b", "") if found else ""
