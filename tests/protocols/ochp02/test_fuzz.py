"""Generated documents, six thousand of them and ten thousand in CI: what our reader makes of each is what lxml and the contract's schema make of it.

A failure names its seed; ``Fuzzer(seed)`` gives the same documents again.
"""

from datetime import UTC, datetime
from pyexpat import ExpatError, ParserCreate

import pytest

import fuzzing
from conftest import IN_CI
from echs.base.errors import ProblemCollector
from echs.base.errors import Refused as RefusedByUs
from echs.base.spool import TEXTS, Spool
from echs.base.upload_validation import RecordBatch
from echs.lists.received_list import receive
from echs.partners.partner import Partner
from echs.protocols.ochp02.record_codec import received
from echs.protocols.ochp02.token_format import FORMAT
from echs.protocols.ochp02.wire_schema import ROAMING_AUTHORISATION_INFO
from echs.protocols.rows.payload import row_of
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.faults import SoapFault
from echs.protocols.soap.request_body import RequestBody
from echs.protocols.soap.versions import SOAP_11
from fuzzing import Fuzzer, Oracle
from wire import in_pieces

DOCUMENTS = 2_000
SEEDS = range(2026, 2031 if IN_CI else 2029)
OWNER = Partner(1, "tnm", "TNM", "UTC", True, datetime(2026, 1, 1, tzinfo=UTC), frozenset(), (), (), (5,))


class Reading:
    """What our reader makes of a document, and how many of its records were taken in runs."""

    def __init__(self, document: bytes, size: int) -> None:
        self.in_runs = 0
        reader = EnvelopeReader(RequestBody(in_pieces(document, size), len(document), 10**9), SOAP_11, None)
        problems = ProblemCollector()
        self.rows: list[tuple[str, ...]] | None = None
        try:
            reader.read_head()
            with Spool(TEXTS) as spool:
                records = self.counted(received(reader, ROAMING_AUTHORISATION_INFO, FORMAT.make))
                upload = receive(FORMAT, records, FORMAT.validator(OWNER), 10**6, problems, spool)
                # What is no UTF-8 is read as windows-1252, which lxml does not do: to it, it is not well-formed.
                if not problems and not reader.misread:
                    self.rows = [row_of(payload) for payloads in upload.blocks() for payload in payloads]
        except (SoapFault, RefusedByUs) as refused:
            self.why = str(refused)

    def counted(self, records):
        for each in records:
            self.in_runs += len(each.rows) if isinstance(each, RecordBatch) else 0
            yield each


def well_formed(document: bytes) -> bool:
    try:
        ParserCreate(namespace_separator=" ").Parse(document, True)
    except ExpatError:
        return False
    return True


def read_by(oracle: Oracle, document: bytes):
    """The rows, or why there are none."""
    try:
        return oracle.rows(document), ""
    except fuzzing.Refused as refused:
        return None, str(refused)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_generated_document_means_to_us_what_it_means_to_lxml_and_to_the_schema(seed):
    fuzzer, oracle = Fuzzer(seed), Oracle(OWNER)
    accepted = in_runs = 0
    for number in range(DOCUMENTS):
        document, size = fuzzer.document()
        ours = Reading(document, size)
        expected, why = read_by(oracle, document)
        if expected is None:
            assert ours.rows is None, f"seed {seed}, document {number}: lxml refuses ({why}), we accept"
            continue
        if ours.rows is None and not well_formed(document):
            continue  # the two parsers disagree, as they do about rare names, and ours is the stricter
        assert ours.rows == expected, f"seed {seed}, document {number}, in pieces of {size}: {document!r}"
        accepted += 1
        in_runs += ours.in_runs > 0
    assert accepted > DOCUMENTS / 4
    assert in_runs > accepted / 6
