"""Which doors this version can open. A part that builds one adds its name here, and nothing else.

The names: ``xmpp`` (people's chat clients), ``server-to-server`` and
``component`` (XMPP with other servers and services), ``mail``, ``sip``,
``web``, ``metrics``; and what opens no listener of its own: ``ding``,
``files``, ``push``.
"""

from typing import Final

BUILT: Final = frozenset(
    {"xmpp", "metrics", "web", "files", "server-to-server", "component", "push"}
)
"""Doors whose listeners may be given; every other listener is refused by name."""

DING_PROVIDERS: Final = frozenset({"off"})
"""Ways to reach telephones that exist; the other names of ``ding.provider`` are refused."""

STORE_ENGINES: Final = frozenset({"sqlite"})
"""Databases that exist; the other schemes of ``store.url`` are refused."""
