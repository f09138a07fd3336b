"""From a password to keys and back."""

from dataclasses import dataclass

import pytest
from slixmpp.util.sasl.client import saslprep

from clarion.lib.errors import UsageError
from clarion.wire.sasl.keys import (
    ITERATIONS_LIMIT,
    ITERATIONS_MINIMUM,
    PASSWORD_LIMIT,
    PasswordError,
    derive_keys,
    password_forms,
    prepare_password,
    verify_password,
)

SALT = b"0123456789abcdef"


@dataclass(frozen=True)
class Stored:
    stored_key: bytes
    hash_name: str = "sha256"
    salt: bytes = SALT
    iterations: int = 2


def stored(password: str, hash_name: str = "sha256") -> Stored:
    return Stored(derive_keys(password, SALT, 2, hash_name)[0], hash_name)


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_the_right_password_passes_and_others_fail(hash_name: str):
    keys = stored("pencil", hash_name)
    assert verify_password("pencil", keys)
    for wrong in ("Pencil", "pencil ", "", "pen\0cil", "x" * (PASSWORD_LIMIT + 1)):
        assert not verify_password(wrong, keys)


def test_composed_and_decomposed_characters_are_one_password():
    assert verify_password("pa\u0308ss\u00a0word", stored("päss word"))
    assert not verify_password("pass word", stored("päss word"))


@pytest.mark.parametrize("password", ["", "tab\t", "nul\0", "soft\u00adhyphen", "\ud800"])
def test_what_cannot_be_a_password_is_refused_without_showing_it(password: str):
    with pytest.raises(PasswordError) as caught:
        prepare_password(password)
    assert not password or password not in str(caught.value)


def test_a_password_has_1024_octets_at_most():
    assert prepare_password("a" * PASSWORD_LIMIT)
    for long in ("a" * (PASSWORD_LIMIT + 1), "é" * (PASSWORD_LIMIT // 2 + 1)):
        with pytest.raises(PasswordError, match="1024 octets"):
            prepare_password(long)


@pytest.mark.parametrize("password", ["pencil", "pässwörd", "한국어 비밀", "пароль€", "🔑🔑"])
def test_most_passwords_have_one_form_and_slixmpp_hashes_that_one(password: str):
    assert password_forms(password) == (password,)
    assert saslprep(password) == password


@pytest.mark.parametrize("password", ["x²y", "ﬁsh", "5µm", "\uff41bc", "wide\u3000space²"])
def test_a_password_with_two_forms_is_given_in_both(password: str):
    forms = password_forms(password)
    assert forms[0] == prepare_password(password)
    assert forms[1] == saslprep(password)
    assert prepare_password(forms[1]) == forms[1]


def test_a_second_form_that_no_password_may_have_is_left_out():
    joined = "क्\u200dष"  # the joiner is lawful here, and SASLprep drops it
    assert password_forms(joined) == (joined, joined.replace("\u200d", ""))
    long = "\ufdfa" * 300  # one character becomes eighteen
    assert password_forms(long) == (long,)


def test_the_arguments_of_a_derivation_have_limits():
    for salt, iterations, hash_name in (
        (b"", ITERATIONS_MINIMUM, "sha256"),
        (SALT, 0, "sha256"),
        (SALT, ITERATIONS_LIMIT + 1, "sha256"),
        (SALT, ITERATIONS_MINIMUM, "md5"),
    ):
        with pytest.raises(UsageError):
            derive_keys("pencil", salt, iterations, hash_name)
