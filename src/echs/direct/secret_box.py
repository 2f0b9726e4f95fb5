"""The secrets of endpoints at rest: encrypted with a key that is derived from the house's own, bound to their rows."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def box_key(secret: str) -> bytes:
    """The key for secrets of endpoints: no other use of the house's secret has it."""
    return hmac.digest(secret.encode(), b"direct access tokens", hashlib.sha256)


def sealed(key: bytes, text: str, bound_to: str) -> bytes:
    """A text encrypted by AES-GCM; it opens only for what it is bound to."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), bound_to.encode())


def unsealed(key: bytes, box: bytes, bound_to: str) -> str | None:
    """The text; None where the key is another now, or the box is of something else."""
    try:
        return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def keyed_digest(key: bytes, text: str) -> str:
    """By what a secret that is in use is recognised, and cannot be guessed."""
    return hmac.new(key, b"digest\0" + text.encode(), hashlib.sha256).hexdigest()
