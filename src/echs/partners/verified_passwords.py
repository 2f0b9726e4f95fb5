"""A password that comes with each request, as WS-Security has it: what was verified is remembered for some minutes.

To compare a password with its hash takes 20 ms and 19 MiB, on purpose; a hundred times a second that would be the whole
machine. What is remembered is a keyed digest of name and password, under a key of this process, and which hash it was
right for. Each request still asks the store for the partner as it stands: a changed password, a credential that was
taken away and a disabled partner end at once, on every worker.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from echs.base import request_context
from echs.base.context import Context
from echs.base.metrics import Metric
from echs.partners.login import Account, key_of_login, prove, show_certificate
from echs.partners.partner import Partner
from echs.partners.queries import partner_of_password
from echs.partners.throttle import Throttle

PASSWORDS_CHECKED = Metric(
    "passwords_checked_total",
    "counter",
    ("how",),
    "Right passwords that came with a request: found in the memory of the worker, or hashed.",
)
MOST = 10_000
SECONDS = 600


class VerifiedPasswords:
    """The passwords that were found right last, by this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        # By the digest of name and password: the digest of the hash that it was right for, and until when it is known.
        self._known: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()

    def knows(self, name_key: str, password: str, secret_hash: str) -> bool:
        """Whether this password was right for this hash a short while ago."""
        name = self._digest(name_key, password)
        with self._lock:
            stored, until = self._known.get(name, (b"", 0.0))
        return self._clock() < until and hmac.compare_digest(stored, self._digest(secret_hash))

    def note(self, name_key: str, password: str, secret_hash: str) -> None:
        """Remember that it was right."""
        name = self._digest(name_key, password)
        with self._lock:
            self._known[name] = self._digest(secret_hash), self._clock() + SECONDS
            self._known.move_to_end(name)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def _digest(self, *texts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(texts).encode("utf-8", "surrogatepass"), hashlib.sha256)


def partner_of_request(
    context: Context, verified: VerifiedPasswords, user_id: str, password: str, throttle: Throttle | None
) -> Partner:
    """The active partner with this user id and password, which came with a request.

    Wrong user, wrong password and disabled partner get the same answer at the same cost, as at a login.

    :raises Refused: LOGIN_REFUSED, LOGIN_CERTIFICATE, LOGIN_BUSY, LOGIN_THROTTLED
    """
    user_key = key_of_login(user_id, password)
    known = None if user_key is None else partner_of_password(context, user_key)
    if known is None or user_key is None:
        prove(context, user_key, password, None, throttle)
        raise AssertionError("no password is right for nobody")
    account = Account(known.partner.user_id, known.secret_hash, known.partner.active, known.certificates)
    if known.partner.active and verified.knows(user_key, password, known.secret_hash):
        show_certificate(context, account)
        how = "remembered"
    else:
        prove(context, user_key, password, account, throttle)
        verified.note(user_key, password, known.secret_hash)
        how = "hashed"
    request_context.current().count(PASSWORDS_CHECKED, how)
    return known.partner
