"""Statements of runs that were made before statements had an issuer: they come out as they always did, byte for byte."""

import hashlib
import io

import pytest
from pypdf import PdfReader

from cast import add_cdrs, cdr
from echs.clearing import run, statement_builder
from echs.statements import layout1_pdf

LETTERS = "Łódź São Paulo Køb 東京 x;=1"

# SHA-256 of what the program drew at commit 363a628, the last one that knew only this layout. How a PDF is compressed
# depends on the libraries, so that there the file is compared with theirs, and its content with any.
DRAWN = {
    ("tnm", (1,), "csv"): "787f67f5c38b40963ff26e98eebca1571cc1d2b633fa319aa7ffc5176c3ef756",
    ("anwb", (1,), "csv"): "3d67aa3bfee3bc9192a00b5dd9519b688f8261319cfd23d982d5e2eff8c46d99",
    ("anwb", (1, 2), "csv"): "03c0ec943fece1b68ef528f1021fe2104903c2e55dad4142882c10cbfa23662d",
    ("tnm", (1,), "pdf"): "e3df2fe949d1fbef32b2feecb39bce3dd03128866f74ab54b146a760b0291e91",
    ("anwb", (1,), "pdf"): "6b130bd4bbaf2451b084909bd2635df596b8a391e273e7b872f4a78b5d077f18",
    ("anwb", (1, 2), "pdf"): "5b1548c776087257bb4f17686cc4eab36e76f975ffa92a812c94565342691958",
}
CONTENTS = {
    ("tnm", (1,)): "610e999af920b2e7ec96c014fef723b93b22c4b4df2953c09ab5045cefdfc98e",
    ("anwb", (1,)): "ccc47e8ba10ffafcb8ba1bafeb30f7b6e7a1b2635ce9cd9debfe3396e72483a6",
    ("anwb", (1, 2)): "4fdbe4e0cf68f7c17f5451d6ed57f82c2da002f9cda65302ac6923c21ac8f90c",
}
DRAWN_WITH = "reportlab 5.1.0, zlib 1.2.13"


@pytest.fixture
def old_runs(context, cast, clock):
    """Two runs as an older program left them."""
    upload(context, cast.tnm, "1", [cdr(f"N{number:04d}", city=LETTERS) for number in range(150)])
    upload(context, cast.tnm, "2", [cdr("own", provider_id="TheNewMotion"), cdr("L", provider_id="ladenetz.de")])
    night = {"start_datetime": "2014-10-26T00:30:00Z", "end_datetime": "2014-10-26T01:30:00Z", "duration": "3600"}
    upload(context, cast.lnd, "3", [cdr("B-1", operator_id="ladenetz.de", provider_id="TheNewMotion", **night)])
    clear(context, "4")
    clock.turn(days=2)
    upload(context, cast.tnm, "5", [cdr("late", volume="0,5", contract_id="<b>&amp;")])
    clear(context, "6")


def upload(context, sender, request, records):
    add_cdrs(context, sender, iter(records), request * 26, context.lists)


def clear(context, request):
    made = run.clear(context, "test", request * 26)
    with context.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE clearing_run SET layout = NULL, issuer_hash = NULL")
        transaction.exec_driver_sql("DELETE FROM clearing_run_open_item")
    return made


def drawn(context, cast, user_id, runs, form):
    with statement_builder.open_statement(
        context, context.statement_cache, getattr(cast, user_id).id, runs, form
    ) as file:
        return file.read()


def content_of(data: bytes) -> str:
    """The hash of what is on the pages, however it is compressed."""
    pages = PdfReader(io.BytesIO(data)).pages
    return hashlib.sha256(b"\f".join(page.get_contents().get_data() for page in pages)).hexdigest()


@pytest.mark.parametrize(("user_id", "runs", "form"), DRAWN)
def test_a_statement_of_an_old_run_comes_out_as_the_old_program_drew_it(context, cast, old_runs, user_id, runs, form):
    data = drawn(context, cast, user_id, runs, form)
    if form == "pdf":
        assert content_of(data) == CONTENTS[user_id, runs]
    if form == "csv" or layout1_pdf.MADE_WITH == DRAWN_WITH:
        assert hashlib.sha256(data).hexdigest() == DRAWN[user_id, runs, form]


def test_the_file_of_an_old_statement_is_found_on_the_shelf_under_its_old_name(context, cast, old_runs):
    _, mark = statement_builder.build(context, cast.tnm.id, [1])
    request_id = "4" * 26
    known = hashlib.sha256(f"2|{layout1_pdf.MADE_WITH}|{cast.tnm.id}|1:{request_id}".encode()).hexdigest()[:32]
    assert mark == f"run-1-{known}"
