"""The stanza-id that clients see: a keyed permutation of the item id (XEP-0359 section 6).

Item ids are ordered by time and hold the node. On the wire they must neither
be guessable nor show how much passes through the server, so each id is one
block under AES-128 with a key of this installation. It costs about 1 us and
needs no table.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from clarion.lib.errors import UsageError
from clarion.lib.ids import SIZE_BYTES, ItemId

KEY_BYTES: Final = 16
"""AES-128; ``CredentialStore.secret(SECRET, KEY_BYTES)`` makes the key."""
SECRET: Final = "stanza-id"  # noqa: S105  # the name of the secret, not the secret
SEALED_CHARACTERS: Final = SIZE_BYTES * 2


class Seal:
    """Turns item ids into stanza-ids and back. For one thread (the loop).

    Args:
        key: ``KEY_BYTES`` bytes, the same for the life of the archive.

    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise UsageError(f"the key of the stanza-ids has {len(key)} bytes, not {KEY_BYTES}")
        # One block per id: ECB is the bare permutation that is wanted here.
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # no message is encrypted
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update

    def seal(self, item: ItemId) -> str:
        """Return ``item`` as clients see it: 32 hexadecimal digits."""
        return self._encrypt(item).hex()

    def open(self, sealed: str) -> ItemId:
        """Return the item that ``sealed`` stands for; it need not exist.

        Raises:
            UsageError: ``sealed`` has not the form of a stanza-id.

        """
        try:
            block = bytes.fromhex(sealed) if len(sealed) == SEALED_CHARACTERS else b""
        except ValueError:
            block = b""
        if len(block) != SIZE_BYTES:
            raise UsageError(
                f"an item's id has {SEALED_CHARACTERS} hexadecimal digits "
                "(the stanza-id that clients see)"
            )
        return ItemId(self._decrypt(block))
