"""Golden pairs: each request of a day, as bytes, with the answer that it must get, as bytes, under each contract.

The day is played in the order of the file names, on both stores. The first line of a request names the caller whose
login token stands for ``@TOKEN@``. What differs from run to run is replaced in the answer: request ids, login tokens
and signatures. ``ECHS_WRITE_GOLDEN=1 make test TEST=tests/protocols/ochp02/test_golden.py`` writes the answers anew;
read the difference before you keep it.
"""

import os
import re
from pathlib import Path

import pytest
from lxml import etree

from echs.base.resources import contracts
from echs.protocols.ochp02.contracts import CONTRACTS
from wire import SOAP_11, SOAP_12, TYPES, Caller, request

WRITE = os.environ.get("ECHS_WRITE_GOLDEN") == "1"
GOLDEN = Path(__file__).parent / "golden"
of_each = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
REQUEST_ID = re.compile(rb"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
HEX64 = re.compile(rb"\b[0-9a-f]{64}\b")
CALLER = re.compile(rb"\A<!-- caller: (\w+) -->\n")


def requests_of(contract) -> list[Path]:
    return sorted((GOLDEN / contract.name).glob("*.request.xml"))


def schema(contract) -> etree.XMLSchema:
    """The schema of the contract, by itself."""
    found = etree.parse(str(contracts() / contract.wsdl_file)).find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


@of_each
def test_every_request_gets_its_golden_answer(app, cast, contract):
    callers = {user_id: Caller(app, user_id) for user_id in ("tnm", "lnd", "anwb", "office")}
    judge = schema(contract)
    for path in requests_of(contract):
        text = path.read_bytes()
        user_id = CALLER.match(text)[1].decode()
        body = CALLER.sub(b"", text).replace(b"@TOKEN@", callers[user_id].token.encode())
        namespace = SOAP_11 if SOAP_11.encode() in body else SOAP_12
        answer = request(app, body, content_type=TYPES[namespace], path=contract.path)
        fixed = HEX64.sub(b"@HEX64@", REQUEST_ID.sub(b"@REQUEST@", answer.body))
        told = f"HTTP {answer.status}\n".encode() + fixed + b"\n"
        golden = path.with_name(path.name.replace(".request.", ".response."))
        if WRITE:
            golden.write_bytes(told)
        assert told == golden.read_bytes(), path.name
        if answer.fault is None:
            response = answer.document[-1][0]
            assert judge.validate(response), (path.name, judge.error_log)


@of_each
def test_there_is_a_good_and_a_refused_pair_for_every_operation(contract):
    names = [path.name for path in requests_of(contract)]
    for operation in (
        "authenticate",
        "add-cdrs",
        "get-cdrs",
        "clear-cdrs",
        "get-roaming-list",
        "set-roaming-list",
        "get-chargepoint-list",
        "set-chargepoint-list",
    ):
        for outcome in ("good", "refused"):
            assert any(f"-{operation}-{outcome}" in name for name in names), (operation, outcome)
