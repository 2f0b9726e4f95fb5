"""EVSE ids as OCHP 1.4 spells them, of whatever shape they were: made so that the same one is always made the same."""

import hashlib
import re
from functools import lru_cache

from echs.partners.market_ids import market_id_problem
from echs.partners.standard_ids import evse_key
from echs.protocols.ochp14.leaf_rules import EVSE_ID_FORM

_EVSE_ID = re.compile(EVSE_ID_FORM, re.ASCII)
_DIN = re.compile(r"\+([0-9]{1,3})\*([0-9]{3})\*([0-9][0-9*]{0,30})")
_NO_SIGN = re.compile(r"[^A-Z0-9*]")
_MADE = re.compile(r"[A-Z]{2}[A-Z0-9]{3}E(.+)")
# Countries by the code with which one calls them, as ids of DIN SPEC 91286 begin.
CALLED = {
    "30": "GR",
    "31": "NL",
    "32": "BE",
    "33": "FR",
    "34": "ES",
    "36": "HU",
    "39": "IT",
    "40": "RO",
    "41": "CH",
    "43": "AT",
    "44": "GB",
    "45": "DK",
    "46": "SE",
    "47": "NO",
    "48": "PL",
    "49": "DE",
    "351": "PT",
    "352": "LU",
    "353": "IE",
    "354": "IS",
    "358": "FI",
    "359": "BG",
    "370": "LT",
    "371": "LV",
    "372": "EE",
    "385": "HR",
    "386": "SI",
    "420": "CZ",
    "421": "SK",
}
CALLING = {country: code for code, country in CALLED.items()}
SIGNS, DIGEST = 20, 6


@lru_cache(maxsize=8192)
def said_evse_id(evse_id: str, market_id: str) -> str | None:
    """An EVSE id as OCHP 1.4 spells it: one that has the form as it is, one of DIN SPEC 91286 by its country (OCHP 1.4,
    EvseId), any other behind the market id of its operator. None where there is no market id.

    Where not every sign can be said, some of a digest stand behind, so that no two ids become one.
    """
    if _EVSE_ID.fullmatch(evse_id):
        return evse_id
    din = _DIN.fullmatch(evse_id)
    if din is not None and din[1] in CALLED:
        return f"{CALLED[din[1]]}*{din[2]}*E{din[3]}"
    if not market_id or market_id_problem(market_id) is not None:
        return None
    text = evse_id.upper()
    signs = _NO_SIGN.sub("", text).lstrip("*")
    if signs != text or len(signs) > SIGNS:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST // 2).hexdigest().upper()
        signs = f"{signs[:SIGNS]}*{digest}".lstrip("*")
    return f"{market_id[:2]}*{market_id[2:]}*E{signs}"


def keys_of(evse_id: str) -> list[str]:
    """The keys under which an EVSE of this OCHP 1.4 id may stand in a list, whatever protocol brought it."""
    key = evse_key(evse_id)
    found = [key]
    made = _MADE.fullmatch(key)
    if made is not None:
        found.append(made[1])
        if key[:2] in CALLING:
            found.append(f"+{CALLING[key[:2]]}*{key[2:5]}*{made[1]}")
    return found
