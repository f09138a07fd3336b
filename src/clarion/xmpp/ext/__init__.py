"""The features of the XMPP door, one file each. A new one is added to ``ALL``, and nowhere else."""

from typing import Final

from clarion.xmpp.ext import (
    archive,
    archive_preferences,
    avatars,
    blocking,
    bookmarks,
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
    external_services,
    hats,
    hints,
    invitations,
    last_activity,
    moderation,
    occupant_ids,
    offline,
    pep,
    ping,
    presence,
    private_storage,
    push,
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
    uploads,
    vcard4,
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
    uploads.uploads,
    capabilities.capabilities,
    version.version,
    entity_time.entity_time,
    external_services.external_services,
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
    private_storage.private_storage,
    bookmarks.bookmarks,
    avatars.avatars,
    vcard4.vcard4,
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
    push.push,
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
    invitations.onboarding,
    invitations.preauthenticated,
)


def chosen(
    registration_mode: str,
    *,
    proxy: bool = True,
    files: bool = True,
    notify: bool = True,
    invite: bool = True,
) -> tuple[Extension, ...]:
    """Return the features that are on.

    Args:
        registration_mode: ``[xmpp] registration``.
        proxy: ``[xmpp] proxy``.
        files: Whether there is ``[files]``.
        notify: ``[push] enabled``.
        invite: ``[xmpp] invitations``.

    """
    off = {registration.registration} if registration_mode == "off" else set()
    if not proxy:
        off.add(bytestreams.bytestreams)
    if not files:
        off.add(uploads.uploads)
    if not invite:
        off |= {invitations.onboarding, invitations.preauthenticated}
    if not notify:
        off.add(push.push)
    return tuple(one for one in ALL if one not in off)
