"""The four ways to say no.

Every refusal in Clarion is one of these, and each door maps them to its own
wire in one place. The text is written for the person who reads it: it says
what is wrong and, where there is something to do, what to do. It never holds
a secret.
"""


class ClarionError(Exception):
    """A refusal with a text that may be shown to whoever asked."""


class PeerError(ClarionError):
    """The other side broke a rule of its protocol."""


class UsageError(ClarionError):
    """The caller or operator asked for something that cannot be."""


class DeniedError(ClarionError):
    """Whoever asks is known, or cannot prove to be, and may not."""


class UnavailableError(ClarionError):
    """It cannot be done now (store full, locked, queue full); later it may."""
