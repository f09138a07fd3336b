"""The XMPP door: listeners, sessions, routing and one file a feature in ``ext``."""
