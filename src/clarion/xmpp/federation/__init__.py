"""Other servers and components: streams to them, and what they bring (RFC 6120, XEP-0114)."""
