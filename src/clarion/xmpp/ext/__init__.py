"""The features of the XMPP door, one file each. A new one is added to ``ALL``, and nowhere else."""

from typing import Final

from clarion.xmpp.ext import (
    archive,
    chat_markers,
    delay,
    disco,
    offline,
    ping,
    presence,
    receipts,
    roster,
    session_compat,
    stanza_ids,
    stream_management,
    subscriptions,
)
from clarion.xmpp.extension import Extension

ALL: Final[tuple[Extension, ...]] = (
    roster.roster,
    subscriptions.subscriptions,
    presence.presence,
    disco.disco,
    ping.ping,
    stanza_ids.stanza_ids,
    receipts.receipts,
    chat_markers.chat_markers,
    stream_management.stream_management,
    archive.archive,
    offline.offline,
    delay.delay,
    session_compat.session_compat,
)
