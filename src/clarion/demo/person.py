"""One person of the demonstration: a slixmpp client that is told what to do by lines of JSON.

Run as ``python -m clarion.demo.person``. Orders come on standard input, what
the client saw goes to standard output. It uses nothing of the server.
"""

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import slixmpp


def report(what: str, **more: str) -> None:
    """Tell the demonstration what the client saw."""
    print(json.dumps({"saw": what, **more}), flush=True)  # noqa: T201  # the line is the protocol


class DemoPerson(slixmpp.ClientXMPP):
    """Logs in with TLS and SCRAM-SHA-256, answers receipts, marks as read when told to."""

    def __init__(self, address: str, password: str, ca: str) -> None:
        super().__init__(f"{address}/demo", password, sasl_mech="SCRAM-SHA-256")
        self.ca_certs = Path(ca)
        self.enable_direct_tls = False  # the port that we are given begins in the clear
        self.senders: dict[str, str] = {}
        for plugin in ("xep_0030", "xep_0184", "xep_0198", "xep_0199", "xep_0333", "xep_0359"):
            self.register_plugin(plugin)
        self.plugin["xep_0184"].auto_request = True
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.message)
        self.add_event_handler("receipt_received", self.receipt)
        self.add_event_handler("marker_displayed", self.displayed)
        self.add_event_handler("failed_all_auth", lambda _: report("refused"))

    async def started(self, _: Any) -> None:
        """Go on line."""
        self.send_presence()
        await self.get_roster()
        tls = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        report("online", jid=self.boundjid.full, tls="none" if tls is None else tls.version())

    def message(self, message: Any) -> None:
        """Report a message with a body, and whether its sender asks to be told."""
        if message["body"]:
            self.senders[message["id"]] = message["from"].bare
            asked = message.xml.find("{urn:xmpp:chat-markers:0}markable") is not None
            late = message.xml.find("{urn:xmpp:delay}delay") is not None
            stanza_id = message.xml.find("{urn:xmpp:sid:0}stanza-id")
            report(
                "message",
                sender=message["from"].bare,
                body=message["body"],
                id=message["id"],
                asked="yes" if asked else "no",
                late="yes" if late else "no",
                item="" if stanza_id is None else stanza_id.get("id", ""),
            )

    def receipt(self, message: Any) -> None:
        """Report that a message of ours was delivered."""
        report("receipt", sender=message["from"].bare, id=message["receipt"])

    def displayed(self, message: Any) -> None:
        """Report that a message of ours was read."""
        report("displayed", sender=message["from"].bare, id=message["displayed"]["id"])

    def obey(self, order: dict[str, str]) -> None:
        """Do what the demonstration asks for."""
        match order["do"]:
            case "write":
                message = self.make_message(mto=order["to"], mbody=order["body"], mtype="chat")
                message["id"] = order["id"]
                message["origin_id"]["id"] = order["id"]
                message.send()
            case "read":
                self.plugin["xep_0333"].send_marker(
                    mto=slixmpp.JID(self.senders[order["id"]]), id=order["id"], marker="displayed"
                )
            case "leave":
                self.disconnect()


async def attend(person: DemoPerson) -> None:
    """Read orders until there are no more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        person.obey(json.loads(line))
    person.disconnect()


async def live(arguments: argparse.Namespace) -> None:
    """Connect, obey, and end with the connection."""
    person = DemoPerson(arguments.address, sys.stdin.readline().strip(), arguments.ca)
    person.connect(arguments.host, arguments.port)
    orders = asyncio.ensure_future(attend(person))  # noqa: TID251  # a program of its own
    await person.disconnected
    orders.cancel()


def main() -> None:
    """Read who to be from the command line; the password is the first line of input."""
    parser = argparse.ArgumentParser()
    for name in ("--address", "--host", "--ca"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", required=True, type=int)
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(live(parser.parse_args()))


if __name__ == "__main__":
    main()
