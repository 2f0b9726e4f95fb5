"""Partners of OCHP 1.4 exchange tokens, and what `day14` has, by clients that were generated from the served WSDL; every value is compared.

One is a provider, one an operator that is a provider too; a partner of OCHP 0.2 has a token in the house already.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import day14
from day import Differs

from cast import PASSWORDS, enrol, set_tokens, token
from echs.config.app_context import AppContext
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.token_format import TokenRecord
from ochp14 import drawn, token14, with_market_ids
from serving import serving

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "ochp-1.4.md"
SECONDS = 120
LONG_AGO = {"DateTime": "2020-01-01T00:00:00Z"}
LIST, CHANGES, REFUSED = "roamingAuthorisationInfoArray", "roamingAuthorisationInfo", "refusedRoamingAuthorisationInfo"
HASHED = hashlib.sha256(b"04A1B2C3D4E5F6").hexdigest()
SENT = [
    token14(1),
    token14(2, token_sub_type="", printed_number=""),
    token14(3, representation="sha-256", instance=HASHED, printed_number="Łódź & <Köln>"),
]
FOREIGN = token14(4, contract_id="DE-LND-C00000004")
OLD = token(1, hub=0, token_id="04112233445566", contract_id="NL-ANW-133094-6")
OLD_AS_NEW = TokenRecord(
    "plain", "04112233445566", "rfid", "mifareCls", "NL-ANW-001330946-I", "printed 1", "2027-12-31T22:59:59Z"
)


@dataclass
class Call:
    """A call, and what is expected of its answer: the code, and tokens under a name."""

    who: str
    operation: str
    members: dict[str, Any]
    code: str
    name: str
    tokens: list[TokenRecord] = field(default_factory=list)
    port: str = "eCHS_P-System"


def members_of(record: TokenRecord) -> dict[str, Any]:
    """A token as the members of a request."""
    emt = {"instance": record.instance, "tokenType": record.token_type}
    if record.token_sub_type:
        emt["tokenSubType"] = record.token_sub_type
    if record.representation:
        emt["@representation"] = record.representation
    printed = {"printedNumber": record.printed_number} if record.printed_number else {}
    return {
        "EmtId": emt,
        "contractId": record.contract_id,
        **printed,
        "expiryDate": {"DateTime": record.expiry_date},
    }


def calls() -> Iterator[Call]:
    """The calls, in order."""
    tokens = [*map(members_of, [*SENT, FOREIGN])]
    own = [drawn(each) for each in SENT]
    yield Call("tnm", "SetRoamingAuthorisationList", {LIST: tokens}, "partly", REFUSED, [drawn(FOREIGN)])
    yield Call("tnm", "UpdateRoamingAuthorisationList", {LIST: tokens[:1]}, "ok", REFUSED)
    yield Call("lnd", "GetRoamingAuthorisationList", {}, "ok", LIST, [*own, OLD_AS_NEW])
    yield Call("lnd", "GetRoamingAuthorisationListUpdates", {"lastUpdate": LONG_AGO}, "ok", CHANGES, [*own, OLD_AS_NEW])
    by_hash = {"emtId": {"instance": "04A1B2C3D4E5F6", "tokenType": "rfid", "@representation": "plain"}}
    yield Call("lnd", "GetSingleRoamingAuthorisation", by_hash, "ok", CHANGES, own[2:])
    unknown = {"emtId": {"instance": "00", "tokenType": "rfid"}}
    yield Call("lnd", "GetSingleRoamingAuthorisation", unknown, "invalid-id", CHANGES)
    yield Call("anwb", "GetRoamingAuthorisationList", {}, "not-authorized", LIST)


def fill(context: AppContext) -> None:
    """The partners, with market ids; anwb published a token by OCHP 0.2."""
    cast = enrol(context)
    with_market_ids(context)
    set_tokens(context, cast.anwb, [OLD])


def play(command: list[str], language: str, connect_file: str) -> int:
    """Play the calls with a client; how many values were compared.

    :raises Differs: a value is not what it should be, or the client failed
    """
    expected, more = list(calls()), list(day14.steps())
    with tempfile.TemporaryDirectory(prefix="echs-interop-") as name, serving(Path(name), fill) as server:
        connect = Path(name) / connect_file
        connect.write_text(re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])
        told = {
            "wsdl": f"{server.url}{PUBLISHED.service_path}?wsdl",
            "direct": f"{server.url}{PUBLISHED.direct_path}?wsdl",
            "passwords": {who: PASSWORDS[who] for who in ("tnm", "lnd", "anwb")},
            "steps": [
                {"who": each.who, "operation": each.operation, "members": each.members, "port": each.port}
                for each in (*expected, *more)
            ],
        }
        environment = {**os.environ, "NODE_PATH": str(HERE / "node" / "node_modules"), "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [*command, str(connect)],
            input=json.dumps(told),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=environment,
        )
    if done.returncode:
        raise Differs(f"the client ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    answers = json.loads(done.stdout)
    tokens = sum(compared(call, answer) for call, answer in zip(expected, answers, strict=False))
    return tokens + sum(
        day14.compared(step, answer) for step, answer in zip(more, answers[len(expected) :], strict=True)
    )


def compared(call: Call, answer: dict[str, Any]) -> int:
    """How many values of an answer are right.

    :raises Differs: one is not
    """
    result = answer.get("result", answer)
    code, text = result["resultCode"]["resultCode"], result["resultDescription"]
    if code != call.code or not text:
        raise Differs(f"{call.operation} of {call.who}: {code} instead of {call.code}: {text}")
    found = sorted(read(each) for each in day14.as_list(answer.get(call.name)))
    if found != sorted(call.tokens):
        raise Differs(f"{call.operation} of {call.who}: {found} instead of {sorted(call.tokens)}")
    return 2 + 7 * len(found)


def read(record: dict[str, Any]) -> TokenRecord:
    """A token as a toolkit gives it."""
    emt = record["EmtId"]
    representation = emt.get("representation") or emt.get("attributes", {}).get("representation") or "plain"
    texts = (emt["instance"], emt["tokenType"], emt.get("tokenSubType") or "")
    return TokenRecord(
        representation,
        *texts,
        record["contractId"],
        record.get("printedNumber") or "",
        record["expiryDate"]["DateTime"],
    )
