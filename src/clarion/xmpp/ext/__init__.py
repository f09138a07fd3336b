"""The features of the XMPP door, one file each. A new one is added to ``ALL``, and nowhere else."""

from typing import Final

from clarion.xmpp.ext import (
    archive,
    archive_preferences,
    blocking,
    bytestreams,
    capabilities,
    carbons,
    chat_markers,
    chat_states,
    client_state,
    commands,
    corrections,
    delay,
    direct_invitations,
    disco,
    displayed_sync,
    entity_time,
    hats,
    hints,
    last_activity,
    moderation,
    occupant_ids,
    offline,
    pep,
    ping,
    presence,
    reactions,
    receipts,
    registration,
    replies,
    retraction,
    room_avatars,
    rooms,
    roster,
    roster_offers,
    search,
    self_ping,
    session_compat,
    stanza_ids,
    stream_management,
    subscriptions,
    vcard_temp,
    version,
)
from clarion.xmpp.extension import Extension

ALL: Final[tuple[Extension, ...]] = (
    roster.roster,
    subscriptions.subscriptions,
    presence.presence,
    disco.disco,
    bytestreams.bytestreams,
    capabilities.capabilities,
    version.version,
    entity_time.entity_time,
    last_activity.last_activity,
    vcard_temp.vcard_temp,
    search.search,
    roster_offers.roster_offers,
    ping.ping,
    stanza_ids.stanza_ids,
    receipts.receipts,
    chat_markers.chat_markers,
    pep.pep,
    displayed_sync.displayed_sync,
    stream_management.stream_management,
    archive.archive,
    archive_preferences.archive_preferences,
    retraction.retraction,
    offline.offline,
    delay.delay,
    blocking.blocking,
    carbons.carbons,
    chat_states.chat_states,
    client_state.client_state,
    corrections.corrections,
    hints.hints,
    reactions.reactions,
    replies.replies,
    session_compat.session_compat,
    commands.commands,
    registration.registration,
    rooms.rooms,
    hats.hats,
    room_avatars.room_avatars,
    moderation.moderation,
    direct_invitations.direct_invitations,
    self_ping.self_ping,
    occupant_ids.occupant_ids,
)


def chosen(registration_mode: str, *, proxy: bool = True) -> tuple[Extension, ...]:
    """Return the features that are on.

    Args:
        registration_mode: ``[xmpp] registration``.
        proxy: ``[xmpp] proxy``.

    """
    off = {registration.registration} if registration_mode == "off" else set()
    if not proxy:
        off.add(bytestreams.bytestreams)
    return tuple(one for one in ALL if one not in off)
