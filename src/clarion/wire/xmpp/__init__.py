"""The wire of XMPP: addresses, stanzas, streams, acknowledgements (RFC 6120, 6121, 7622)."""
