"""Statements, from committed rows to what a reader of PDF or CSV sees."""

import csv
import io
import re
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader

from cast import add_cdrs, cdr
from echs.base.errors import Refused
from echs.clearing import run, statement_builder
from echs.clearing.run import ClearingReason
from echs.partners import enrolment
from echs.statements import layout1_pdf, link, pdf_document, typesetting
from echs.statements import statement as statement_module
from echs.statements.statement import Run as StatementRun
from echs.statements.statement_cache import StatementCache

_requests = iter(f"{number:026d}" for number in range(10**6))


def add(context, sender, *records):
    add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def clear(context):
    return run.clear(context, "test", next(_requests))


def drawn(context, partner, runs, form) -> bytes:
    with statement_builder.open_statement(context, context.statement_cache, partner.id, runs, form) as file:
        return file.read()


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def day(context, cast):
    """A run with both sides for tnm: two counterparties as operator, one as provider."""
    add(context, cast.tnm, cdr("A-1", city="Łódź"), cdr("A-2", volume="0,5"), cdr("A-3", provider_id="ladenetz.de"))
    add(context, cast.lnd, cdr("B-1", operator_id="ladenetz.de", provider_id="TheNewMotion", city="Köln"))
    return clear(context)


def test_the_csv_has_a_row_for_each_cdr_and_nothing_else(context, cast, day):
    rows = csv_rows(drawn(context, cast.tnm, [1], "csv"))
    told = [(row["document"], row["section"], row["counterparty_id"], row["cdr_id"], row["volume_kwh"]) for row in rows]
    assert told == [
        ("1-tnm", "provider", "ladenetz.de", "B-1", "4.6400"),
        ("1-tnm", "operator", "ANWB", "A-1", "4.6400"),
        ("1-tnm", "operator", "ANWB", "A-2", "0.5000"),
        ("1-tnm", "operator", "ladenetz.de", "A-3", "4.6400"),
    ]
    assert (rows[0]["run"], rows[0]["own_id"]) == ("1", "TheNewMotion")
    assert rows[0]["start"] == "2014-01-22 10:16:38+01:00"
    assert rows[0]["duration"] == "1:57:54"


def test_the_form_for_spreadsheets_has_the_same_rows_as_a_dutch_or_german_one_reads_them(context, cast, day):
    data = drawn(context, cast.tnm, [1], "excel.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data, newline=""), delimiter=";"))
    plain = csv_rows(drawn(context, cast.tnm, [1], "csv"))
    for row, other in zip(rows, plain, strict=True):
        offset = row.pop("start_offset"), row.pop("end_offset")
        assert offset == ("UTC+01:00", "UTC+01:00")
        assert row["start"] + offset[0].removeprefix("UTC") == other["start"]
        assert row["end"] + offset[1].removeprefix("UTC") == other["end"]
        assert row["volume_kwh"].replace(",", ".") == other["volume_kwh"]
        moved = ("start", "end", "volume_kwh")
        assert {name: row[name] for name in row if name not in moved} == {
            name: other[name] for name in other if name not in moved
        }
    assert rows[0]["volume_kwh"] == "4,6400"


def test_the_pdf_says_who_to_whom_which_run_which_period_and_the_same_rows(context, cast, day):
    data = drawn(context, cast.tnm, [1], "pdf")
    text = pdf_text(data)
    for expected in (
        "Clearing statement",
        "1-tnm",
        "The New Motion",
        "2026-11-21 13:00:00",
        "2014-01-22 10:16:38  to  2014-01-22 12:14:33",
        "Europe/Amsterdam",
        "Łódź",
        "Köln",
        "ladenetz.de Köln, Łódź",
        "Total ANWB",
        "2 CDRs",
        "Page 1 of",
    ):
        assert expected in text
    assert "+01:00" not in text
    lines = text.split("\n")
    for row in csv_rows(drawn(context, cast.tnm, [1], "csv")):
        cells = [
            row["cdr_id"],
            row["start"][:19],
            row["end"][:19],
            row["duration"],
            row["volume_kwh"],
            row["contract_id"],
        ]
        assert any(line.startswith(" ".join(cells)) and row["city"] in line for line in lines)


def rows_of_page_one(data: bytes) -> list[str]:
    return PdfReader(io.BytesIO(data)).pages[0].extract_text().split("\n")


def test_page_one_has_a_summary_by_counterparty_and_direction(context, cast, day):
    lines = rows_of_page_one(drawn(context, cast.tnm, [1], "pdf"))
    assert "ANWB – – 2 5.1400 2 5.1400" in lines
    assert "ladenetz.de Köln, Łódź 1 4.6400 1 4.6400 2 9.2800" in lines
    assert "Roaming in all 1 4.6400 3 9.7800 4 14.4200" in lines


def test_own_network_has_a_section_of_its_own_and_is_in_no_roaming_total(context, cast):
    add(context, cast.tnm, cdr("mine", provider_id="TheNewMotion", volume="7"), cdr("theirs"))
    clear(context)
    lines = rows_of_page_one(drawn(context, cast.tnm, [1], "pdf"))
    assert "Roaming in all – – 1 4.6400 1 4.6400" in lines
    assert "Own network: your customers at your own charge points (no roaming)" in lines
    assert any("your own customers at your own charge points, 1 CDR, 7.0000 kWh" in line for line in lines)
    assert sum(line.startswith("mine ") for line in lines) == 1
    rows = csv_rows(drawn(context, cast.tnm, [1], "csv"))
    assert [(row["section"], row["cdr_id"]) for row in rows] == [("operator", "theirs"), ("own", "mine")]


def test_a_partner_with_nothing_but_its_own_network_has_a_statement_of_it(context, cast):
    add(context, cast.tnm, cdr("mine", provider_id="TheNewMotion"))
    clear(context)
    assert "mine" in pdf_text(drawn(context, cast.tnm, [1], "pdf"))


def test_each_partner_sees_its_own_and_nothing_else(context, cast, day):
    anwb = csv_rows(drawn(context, cast.anwb, [1], "csv"))
    assert [row["cdr_id"] for row in anwb] == ["A-1", "A-2"]
    with pytest.raises(Refused) as caught:
        drawn(context, cast.office, [1], "csv")
    assert caught.value.first.reason is ClearingReason.STATEMENT_UNKNOWN


@pytest.mark.parametrize("form", ["pdf", "csv"])
def test_a_statement_comes_out_the_same_byte_for_byte_whatever_happened_since(
    context, cast, day, form, tmp_path, clock
):
    first = drawn(context, cast.tnm, [1], form)
    enrolment.change(context, "tnm", name="Renamed", timezone="Asia/Tokyo")
    enrolment.change(context, "anwb", name="Renamed too")
    enrolment.disable(context, "lnd")
    add(context, cast.tnm, cdr("later"))
    clock.turn(days=100)
    clear(context)
    with statement_builder.open_statement(
        context, StatementCache(tmp_path / "another shelf"), cast.tnm.id, [1], form
    ) as file:
        assert file.read() == first


def test_a_statement_about_several_runs_has_the_lines_of_all(context, cast, day):
    add(context, cast.tnm, cdr("A-9"))
    clear(context)
    rows = csv_rows(drawn(context, cast.anwb, [1, 2], "csv"))
    assert [(row["run"], row["cdr_id"]) for row in rows] == [
        ("1", "A-1"),
        ("1", "A-2"),
        ("2", "A-9"),
    ]
    text = pdf_text(drawn(context, cast.anwb, [1, 2], "pdf"))
    assert "Clearing runs" in text
    assert "1-2-anwb" in text


def test_a_statement_about_an_old_run_and_a_new_one_is_drawn_as_the_newest_is(context, cast, day):
    with context.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE clearing_run SET layout = NULL, issuer_hash = NULL")
    add(context, cast.tnm, cdr("A-9"))
    clear(context)
    assert [row["section"] for row in csv_rows(drawn(context, cast.anwb, [1, 2], "csv"))] == ["provider"] * 3
    assert [row["row"] for row in csv_rows(drawn(context, cast.anwb, [1], "csv"))][-1] == "total"


def test_a_run_of_a_newer_release_is_refused_and_not_drawn_wrong(context, cast, day):
    with context.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE clearing_run SET layout = 9")
    with pytest.raises(Refused) as caught:
        drawn(context, cast.anwb, [1], "pdf")
    assert "newer release" in caught.value.first.detail


def test_a_statement_about_very_many_runs_stays_quick_and_readable(context, cast, day):
    made = [
        StatementRun(number, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)) for number in range(1, 2001)
    ]
    statement, _ = statement_builder.build(context, cast.tnm.id, [1])
    file = io.BytesIO()
    began = time.process_time()
    pdf_document.draw(replace(statement, runs=made, name="N" * 200, address=("Ł" * 100,) * 8), file)
    assert time.process_time() - began < 5
    text = pdf_text(file.getvalue())
    assert "1 to 2000 (2000 runs)" in text
    assert "2026-03-25" in text
    assert statement_module.numbers_text([1, 2, 3, 7, 9, 10]) == "1-3.7.9-10"
    odd = statement_module.numbers_text(range(1, 2000, 2))
    assert odd.startswith("1-1999.")
    assert odd != statement_module.numbers_text([1, 3, 5, 9, 11, 13, 15, 1999])


@example("0\xa00", 10)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=300), st.integers(10, 200))
def test_a_wrapped_text_fits_its_width_and_loses_nothing_but_blanks(text, width):
    lines = typesetting.wrapped(text, width, typesetting.FONT, layout1_pdf.SIZE)
    assert all(
        len(line) <= 1 or typesetting.width_of(line, typesetting.FONT, layout1_pdf.SIZE) <= width for line in lines
    )
    assert "".join(lines).replace(" ", "") == typesetting.printable(text, typesetting.FONT).replace(" ", "")


def test_a_long_statement_has_all_its_lines_and_numbers_its_pages(context, cast):
    add(context, cast.tnm, *[cdr(f"N{number:05d}") for number in range(300)])
    clear(context)
    data = drawn(context, cast.anwb, [1], "pdf")
    pages = PdfReader(io.BytesIO(data)).pages
    text = pdf_text(data)
    assert len(pages) > 5
    assert sorted(set(re.findall(r"N\d{5}", text))) == [f"N{number:05d}" for number in range(300)]
    for number, page in enumerate(pages, 1):
        assert re.search(rf"Page {number} of\s+{len(pages)}\b", page.extract_text())
    assert "1392.0000" in text


FORMULAS = [
    "=1+1",
    "+49*823*1234",
    "-2+3",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '"; DROP',
    "a,b",
    'say "hi"',
    "x;=cmd|'/C calc'!A0;y",
    'x;"=1+1";y',
    "x; =1+1",
    "x,=1+1",
    "＝1+1",
    "x;＋1",
    " =1+1",
    '"=1+1',
]


@pytest.mark.parametrize("form", ["csv", "excel.csv"])
def test_no_cell_of_the_csv_is_a_formula_wherever_it_is_split_and_no_text_is_lost(context, cast, form):
    add(
        context,
        cast.tnm,
        *[cdr(f"{number}{text}", contract_id=text, city=text) for number, text in enumerate(FORMULAS)],
    )
    clear(context)
    data = drawn(context, cast.anwb, [1], form).decode("utf-8-sig")
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter):
            for cell in row:
                assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "＝", "＋")), (delimiter, row)
    own = ";" if form == "excel.csv" else ","
    rows = list(csv.DictReader(io.StringIO(data, newline=""), delimiter=own))
    without = sorted(row["contract_id"].replace("'", "") for row in rows)
    assert without == sorted(text.replace("'", "") for text in FORMULAS)


@pytest.mark.parametrize(("form", "columns"), [("csv", 16), ("excel.csv", 18)])
def test_the_csv_is_rfc_4180(context, cast, day, form, columns):
    data = drawn(context, cast.tnm, [1], form).decode("utf-8-sig")
    assert data.endswith("\r\n")
    assert data.count("\n") == data.count("\r\n")
    delimiter = ";" if form == "excel.csv" else ","
    assert {len(row) for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter)} == {columns}


def test_the_hour_that_comes_twice_is_told_apart(context, cast):
    first = {"start_datetime": "2014-10-26T00:30:00Z", "end_datetime": "2014-10-26T01:30:00Z", "duration": "3600"}
    add(context, cast.tnm, cdr("night", **first))
    clear(context)
    text = pdf_text(drawn(context, cast.anwb, [1], "pdf"))
    assert "night 2014-10-26 02:30:00 2014-10-26 02:30:00* 1:00:00" in text
    assert "* behind a time" in text
    (row,) = csv.DictReader(io.StringIO(drawn(context, cast.anwb, [1], "excel.csv").decode("utf-8-sig")), delimiter=";")
    assert (row["start"], row["start_offset"]) == ("2014-10-26 02:30:00", "UTC+02:00")
    assert (row["end"], row["end_offset"]) == ("2014-10-26 02:30:00", "UTC+01:00")


def test_markup_of_a_partner_is_printed_and_not_obeyed(context, cast):
    text = "<img src=http://127.0.0.1:9/x> <b>B</b> &amp;"
    add(context, cast.tnm, cdr("1", contract_id=text, city="<font color=red>"))
    clear(context)
    lines = pdf_text(drawn(context, cast.anwb, [1], "pdf"))
    assert "<b>B</b>" in lines
    assert "<font" in lines


def test_a_letter_that_the_font_lacks_is_replaced_and_the_rest_is_printed(context, cast):
    add(context, cast.tnm, cdr("1", city="東京 Köln"))
    clear(context)
    assert "\ufffd\ufffd Köln" in pdf_text(drawn(context, cast.anwb, [1], "pdf"))
    assert "東京 Köln" in drawn(context, cast.anwb, [1], "csv").decode()


def test_a_pdf_embeds_every_font_and_says_of_itself_what_the_run_says(context, cast, day):
    data = drawn(context, cast.tnm, [1], "pdf")
    reader = PdfReader(io.BytesIO(data))
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            assert font.get_object()["/FontDescriptor"]["/FontFile2"]
    assert b"Helvetica" not in data
    facts = reader.metadata
    assert (facts.title, facts.creator) == ("Clearing statement 1-tnm", "eCHS")
    assert facts.creation_date == facts.modification_date == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert reader.xmp_metadata.dc_title["x-default"] == facts.title
    assert reader.xmp_metadata.xmp_create_date.replace(tzinfo=UTC) == facts.creation_date
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert zlib.crc32(data) == zlib.crc32(drawn(context, cast.tnm, [1], "pdf"))


def test_a_full_shelf_does_not_keep_a_statement_from_its_reader(context, cast, day, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with statement_builder.open_statement(context, StatementCache(blocked), cast.tnm.id, [1], "csv") as file:
        assert file.read() == drawn(context, cast.tnm, [1], "csv")


def test_a_statement_of_another_store_is_never_taken_from_the_shelf(context, cast, day):
    first = drawn(context, cast.tnm, [1], "csv")
    names = {path.name for path in context.statement_cache.directory.iterdir()}
    with context.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE clearing_run SET request_id = '99999999999999999999999999'")
        transaction.exec_driver_sql("UPDATE clearing_run_party SET name = 'Other'")
    assert drawn(context, cast.tnm, [1], "csv") != first
    assert len({path.name for path in context.statement_cache.directory.iterdir()} - names) == 1


def test_many_readers_of_a_new_statement_wait_for_one_drawing(context, cast, day, monkeypatch):
    drawings = []
    original = statement_builder.DRAWERS["pdf"]

    def counted(statement, file):
        drawings.append(1)
        original(statement, file)

    monkeypatch.setitem(statement_builder.DRAWERS, "pdf", counted)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: drawn(context, cast.tnm, [1], "pdf"), range(16)))
    assert len(set(seen)) == 1
    assert len(drawings) == 1


def test_every_statement_of_a_run_can_be_drawn_ahead(context, cast, day):
    assert list(statement_builder.draw_run(context, context.statement_cache, 1)) == ["tnm", "lnd", "anwb"]
    assert len(list(context.statement_cache.directory.iterdir())) == 6


def test_the_link_of_a_disabled_partner_opens_nothing_until_it_is_enabled_again(context, cast, day):
    signed = link.sign(context.link_key, cast.tnm.id, [(1, 1)], context.clock(), 86_400)

    def opens():
        found = statement_builder.open_link(context, context.statement_cache, context.link_key, signed, "csv")
        if found is not None:
            found.file.close()
        return found is not None

    assert opens()
    enrolment.disable(context, "tnm")
    assert not opens()
    enrolment.enable(context, "tnm")
    assert opens()


def test_who_has_the_key_from_a_backup_makes_no_link_for_ever(context, cast, day):
    forged = link.seal(context.link_key, f"{cast.tnm.id}.1-999999.99999999999")
    assert statement_builder.open_link(context, context.statement_cache, context.link_key, forged, "csv") is None
