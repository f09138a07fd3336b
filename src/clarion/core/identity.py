"""Who somebody is: passwords set, app passwords made, log-ins checked.

What is kept are SCRAM keys (``core/credentials.py``). All of a person's
passwords share salt and iterations, because SCRAM names the salt before it
sees a proof. A password is hashed in a thread, once; later log-ins with it
are recognised by a keyed hash in memory.
"""

import asyncio
import hmac
import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from clarion.core.bus import Bus
from clarion.core.credentials import MAIN, CredentialStore, ScramKey
from clarion.core.directory import Directory
from clarion.core.events import PasswordChanged, PersonDeleted, PersonDisabled
from clarion.core.hashing import Hashers
from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import DeniedError, UsageError
from clarion.wire.sasl.keys import PasswordError, derive_keys, password_forms, prepare_password
from clarion.wire.sasl.scram import Candidate

HASHES: Final = ("sha1", "sha256")
ITERATIONS: Final = 10_000
"""PBKDF2 rounds; RFC 7677 section 4 asks for 4,096 or more."""
SALT_BYTES: Final = 16
APP_PASSWORD_LIMIT: Final = 20
"""LIMIT: app passwords of a person; a SCRAM proof is compared with each of them."""
LABEL_LIMIT: Final = 64
"""LIMIT: characters in the label of an app password."""
KEYS_CACHED: Final = 10_000
"""LIMIT: persons whose keys are in memory, so that their log-in costs no SQL."""
VERIFIED_CACHED: Final = 10_000
"""LIMIT: passwords in memory, as keyed hashes, that need no hashing again."""

# Crockford's base 32: nothing in it can be mistaken for something else.
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_GROUPS: Final = 5
_GROUP_LETTERS: Final = 5  # 25 letters of 5 bits: 125 bits
_OTHER_FORM: Final = "\x01"
"""Ends the label under which a password's second form is kept (``password_forms``)."""

_WRONG: Final = "the address or the password is wrong"


class Identity:
    """Keeps and checks passwords.

    Args:
        store: Keeps the keys.
        directory: Knows who exists and who is disabled.
        bus: Hears ``PasswordChanged``.
        iterations: PBKDF2 rounds of salts made from now on.

    """

    def __init__(
        self,
        store: CredentialStore,
        directory: Directory,
        bus: Bus,
        iterations: int = ITERATIONS,
    ) -> None:
        self._store = store
        self._directory = directory
        self._bus = bus
        self._iterations = iterations
        self._hashers = Hashers()
        self._memory_key = secrets.token_bytes(32)
        self._fake_key: bytes | None = None
        self._keys: OrderedDict[PersonNumber, Sequence[ScramKey]] = OrderedDict()
        self._verified: OrderedDict[bytes, tuple[list[ScramKey], str]] = OrderedDict()
        self._changes = 0
        self._locks: WeakValueDictionary[PersonNumber, asyncio.Lock] = WeakValueDictionary()
        bus.subscribe(PasswordChanged, lambda event: self._forget(event.person))
        bus.subscribe(PersonDisabled, lambda event: self._forget(event.person))
        bus.subscribe(PersonDeleted, lambda event: self._forget(event.person))

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[None, None]:
        """See ``Service``: the hashing threads end with it."""
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """End the hashing threads."""
        self._hashers.close()

    # Checking.

    async def scram(self, address: str, hash_name: str) -> tuple[bytes, int, Sequence[Candidate]]:
        """Return salt, iterations and the keys of which one must fit the proof.

        For a person who does not exist, is disabled or has no password the
        salt is made up, always the same, and there are no keys: the exchange
        then fails like one with a wrong password.

        Args:
            address: Normalised.
            hash_name: ``"sha1"`` or ``"sha256"``.

        Raises:
            UnavailableError: The store cannot answer.

        """
        salt, iterations, keys = await self._candidates(address, hash_name)
        return (
            salt,
            iterations,
            [
                Candidate(key.label.rstrip(_OTHER_FORM), key.stored_key, key.server_key)
                for key in keys
            ],
        )

    async def check_plain(self, address: str, password: str) -> Person:
        """Return the person whose password this is, main or app; raises as ``check_password``."""
        person, _ = await self.check_password(address, password)
        return person

    async def check_password(self, address: str, password: str) -> tuple[Person, str]:
        """Return whose password this is, and its label: ``MAIN``, or that of an app password.

        Takes as long for an unknown address as for a wrong password.

        Args:
            address: Normalised.
            password: As it was typed.

        Raises:
            DeniedError: Unknown, disabled or wrong; the text does not say which.
            UnavailableError: The store cannot answer, or too many log in at once.

        """
        try:
            typed = prepare_password(password)
        except PasswordError:
            raise DeniedError(_WRONG) from None
        salt, iterations, keys = await self._candidates(address, "sha256")
        digest = self._digest(address, typed)
        remembered = self._verified.get(digest)
        if keys and remembered is not None and remembered[0] == keys:
            self._verified.move_to_end(digest)
            label = remembered[1]
        else:
            stored, _ = await self._hashers.verify(
                lambda: derive_keys(typed, salt, iterations, "sha256")
            )
            # Compared with each, so that the time does not tell which fitted.
            fits = [hmac.compare_digest(stored, key.stored_key) for key in keys]
            if not any(fits):
                raise DeniedError(_WRONG)
            label = keys[fits.index(True)].label.rstrip(_OTHER_FORM)
            _, _, now = await self._candidates(address, "sha256")
            if now != keys:  # changed or disabled while it was hashed
                raise DeniedError(_WRONG)
            self._verified[digest] = keys, label
            while len(self._verified) > VERIFIED_CACHED:
                self._verified.popitem(last=False)
        person = self._directory.person(address)
        if person is None or person.disabled:
            raise DeniedError(_WRONG)
        return person, label

    # Changing.

    async def set_password(self, person: Person, password: str, label: str = MAIN) -> None:
        """Give a person a password in the place of the one with this label.

        Raises:
            UsageError: It cannot be a password (empty, control characters).
            UnavailableError: The store cannot keep it; the old one stays.

        """
        forms = password_forms(password)
        async with self._lock(person):
            await self._set(person, forms, label)
        self._changed(person)

    async def remove_password(self, person: Person, label: str = MAIN) -> None:
        """Take a password away.

        Raises:
            UsageError: The person has none with this label.
            UnavailableError: The store cannot do it; the password stays.

        """
        async with self._lock(person):
            keys = await self._store.keys(person.number)
            if not any(key.label == label for key in keys):
                what = f"app password {label!r}" if label else "password"
                raise UsageError(f"{person.address}: there is no {what}")
            await self._store.replace(person.number, label, ())
            await self._store.replace(person.number, label + _OTHER_FORM, ())
        self._changed(person)

    async def new_app_password(self, person: Person, label: str) -> str:
        """Make a random password for one device; it is shown this once.

        Raises:
            UsageError: The label is empty, taken or unfit, or the person has
                ``APP_PASSWORD_LIMIT`` of them.
            UnavailableError: The store cannot keep it.

        """
        label = _checked_label(label)
        groups = [
            "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LETTERS)) for _ in range(_GROUPS)
        ]
        password = "-".join(groups)
        async with self._lock(person):
            taken = await self.app_passwords(person)
            if label in taken:
                raise UsageError(f"{person.address}: there is an app password {label!r} already")
            if len(taken) >= APP_PASSWORD_LIMIT:
                raise UsageError(
                    f"{person.address}: at most {APP_PASSWORD_LIMIT} app passwords; remove one"
                )
            await self._set(person, (password,), label)
        self._changed(person)
        return password

    async def app_passwords(self, person: Person) -> Sequence[str]:
        """Return the labels of a person's app passwords, sorted."""
        keys = await self._store.keys(person.number)
        return sorted({key.label.rstrip(_OTHER_FORM) for key in keys} - {MAIN})

    async def has_password(self, person: Person) -> bool:
        """Whether the person has a main password."""
        return any(key.label == MAIN for key in await self._store.keys(person.number))

    def changing(self, person: Person) -> bool:
        """Whether a password of theirs is being changed; ``PasswordChanged`` follows at once."""
        lock = self._locks.get(person.number)
        return lock is not None and lock.locked()

    async def _set(self, person: Person, forms: Sequence[str], label: str) -> None:
        keys = await self._store.keys(person.number)
        mine = {label, label + _OTHER_FORM}
        others = [key for key in keys if key.label not in mine]
        salt = others[0].salt if others else secrets.token_bytes(SALT_BYTES)
        iterations = others[0].iterations if others else self._iterations

        def derive() -> list[list[ScramKey]]:
            return [
                [
                    ScramKey(
                        name, which, salt, iterations, *derive_keys(form, salt, iterations, which)
                    )
                    for which in HASHES
                ]
                for name, form in zip((label, label + _OTHER_FORM), forms, strict=False)
            ]

        made = await self._hashers.derive(derive)
        # The second form goes first: half done, one form of a password works, never two passwords.
        if len(made) > 1 or any(key.label == label + _OTHER_FORM for key in keys):
            await self._store.replace(person.number, label + _OTHER_FORM, ())
        await self._store.replace(person.number, label, made[0])
        if len(made) > 1:
            await self._store.replace(person.number, label + _OTHER_FORM, made[1])

    def _changed(self, person: Person) -> None:
        self._bus.publish(PasswordChanged(person))

    def _lock(self, person: Person) -> asyncio.Lock:
        lock = self._locks.get(person.number)
        if lock is None:
            lock = self._locks[person.number] = asyncio.Lock()
        return lock

    def _forget(self, person: Person) -> None:
        self._changes += 1
        self._keys.pop(person.number, None)

    async def _candidates(self, address: str, hash_name: str) -> tuple[bytes, int, list[ScramKey]]:
        person = self._directory.person(address)
        keys = await self._keys_of(person) if person is not None and not person.disabled else ()
        if not keys:
            return await self._fake_salt(address), self._iterations, []
        mine = [key for key in keys if key.hash_name == hash_name]
        return keys[0].salt, keys[0].iterations, mine

    async def _keys_of(self, person: Person) -> Sequence[ScramKey]:
        known = self._keys.get(person.number)
        if known is not None:
            self._keys.move_to_end(person.number)
            return known
        before = self._changes
        keys = await self._store.keys(person.number)
        if before == self._changes:  # else these may be the old ones
            self._keys[person.number] = keys
            while len(self._keys) > KEYS_CACHED:
                self._keys.popitem(last=False)
        return keys

    async def _fake_salt(self, address: str) -> bytes:
        if self._fake_key is None:
            self._fake_key = await self._store.secret("fake-salt", 32)
        return hmac.digest(self._fake_key, address.encode(), "sha256")[:SALT_BYTES]

    def _digest(self, address: str, password: str) -> bytes:
        text = f"{address}\0{password}".encode()
        return hmac.digest(self._memory_key, text, "sha256")


def _checked_label(text: str) -> str:
    label = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 1 <= len(label) <= LABEL_LIMIT or not label.isprintable():
        raise UsageError(
            f"the label of an app password has 1 to {LABEL_LIMIT} printable characters"
        )
    return label
