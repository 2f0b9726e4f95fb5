"""Passwords: hashed with Argon2id, compared at the same cost whether the user exists or not.

A letter with an accent is one sign or two, as the system pleases on which it is typed. What is stored is the hash of
form NFKC; at a login the password is tried as it came, and then in that form.
"""

import secrets
import unicodedata
from functools import lru_cache
from typing import Any

from passlib.context import CryptContext

# 20 characters of 58 that cannot be mistaken for each other: 117 bits.
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
GENERATED_LENGTH = 20
# Some signs become eighteen in NFKC; the library takes 4096.
NORMAL_LIMIT = 1024


@lru_cache(maxsize=1)
def hashing() -> Any:
    """Argon2id with 19 MiB, two passes, one lane: the smallest setting that OWASP's password cheat sheet recommends."""
    return CryptContext(
        schemes=["argon2"], argon2__type="ID", argon2__memory_cost=19456, argon2__time_cost=2, argon2__parallelism=1
    )


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """A hash that no password matches, to spend the same time on an unknown user."""
    return hash_password(secrets.token_hex(32))


def hash_password(password: str) -> str:
    """The hash to store, of the password's form NFKC."""
    return str(hashing().hash(normal(password)))


def normal(password: str) -> str:
    """The form of a password that is hashed; a password that would become much longer stays as it is."""
    form = unicodedata.normalize("NFKC", password)
    return form if len(form) <= NORMAL_LIMIT else password


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is right. Costs the same without a hash, and is then never right."""
    # As it came first: older hashes are of what was typed then. How many are tried depends on the password alone.
    forms = dict.fromkeys((password, normal(password)))
    right = [bool(hashing().verify(form, password_hash or nobodys_hash())) for form in forms]
    return any(right) and password_hash is not None


def generate_password() -> str:
    """A new random password that can be read aloud."""
    return "".join(secrets.choice(ALPHABET) for _ in range(GENERATED_LENGTH))
