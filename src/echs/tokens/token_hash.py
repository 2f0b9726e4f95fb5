"""Tokens whose uid is given as a hash: what that may look like. No protocol says of what the hash is."""

import hashlib
from contextlib import suppress

from echs.tokens.token import Representation


def hashes_of(uid: str) -> dict[str, Representation]:
    """What the hash of a uid may look like, in upper case: of its text in either case, of the bytes that it writes."""
    texts = [uid.upper().encode("utf-8", "surrogatepass"), uid.lower().encode("utf-8", "surrogatepass")]
    with suppress(ValueError):
        texts.append(bytes.fromhex(uid))
    found = {hashlib.sha1(text, usedforsecurity=False).hexdigest().upper(): Representation.SHA1 for text in texts}
    return found | {hashlib.sha256(text).hexdigest().upper(): Representation.SHA256 for text in texts}
