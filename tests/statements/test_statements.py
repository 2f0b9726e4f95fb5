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

from cast import cdr
from echs.base.errors import Refused
from echs.cdrs import intake
from echs.clearing import publish, run
from echs.clearing.run import ClearingReason
from echs.partners import enrolment
from echs.statements import link, pdf, typesetting
from echs.statements.shelf import Shelf
from echs.statements.statement import Run as StatementRun

_requests = iter(f"{number:026d}" for number in range(10**6))


def add(house, sender, *records):
    intake.add(house, sender, iter(records), next(_requests), house.lists)


def clear(house):
    return run.clear(house, "test", next(_requests))


def drawn(house, partner, runs, form) -> bytes:
    with publish.open_statement(house, house.shelf, partner.id, runs, form) as file:
        return file.read()


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def day(house, cast):
    """A run with both sides for tnm: two counterparties as operator, one as provider."""
    add(house, cast.tnm, cdr("A-1", city="Łódź"), cdr("A-2", volume="0,5"), cdr("A-3", provider_id="ladenetz.de"))
    add(house, cast.lnd, cdr("B-1", operator_id="ladenetz.de", provider_id="TheNewMotion", city="Köln"))
    return clear(house)


def test_the_csv_has_a_line_a_cdr_and_totals_a_counterparty_and_a_side(house, cast, day):
    rows = csv_rows(drawn(house, cast.tnm, [1], "csv"))
    told = [(r["row"], r["side"], r["counterparty_id"], r["cdr_id"], r["volume_kwh"], r["cdr_count"]) for r in rows]
    assert told == [
        ("cdr", "provider", "ladenetz.de", "B-1", "4.6400", "1"),
        ("counterparty total", "provider", "ladenetz.de", "", "4.6400", "1"),
        ("total", "provider", "", "", "4.6400", "1"),
        ("cdr", "operator", "ANWB", "A-1", "4.6400", "1"),
        ("cdr", "operator", "ANWB", "A-2", "0.5000", "1"),
        ("counterparty total", "operator", "ANWB", "", "5.1400", "2"),
        ("cdr", "operator", "ladenetz.de", "A-3", "4.6400", "1"),
        ("counterparty total", "operator", "ladenetz.de", "", "4.6400", "1"),
        ("total", "operator", "", "", "9.7800", "3"),
    ]
    assert rows[0]["start"] == "2014-01-22 10:16:38+01:00"
    assert rows[0]["duration"] == "1:57:54"


def test_the_pdf_says_who_which_run_which_period_and_the_same_rows(house, cast, day):
    data = drawn(house, cast.tnm, [1], "pdf")
    text = pdf_text(data)
    for expected in (
        "Clearing statement",
        "The New Motion (tnm)",
        "2026-11-21 13:00:00+01:00",
        "2014-01-22 10:16:38+01:00  to  2014-01-22 12:14:33+01:00",
        "Europe/Amsterdam",
        "3 CDRs, 9.7800 kWh",
        "Łódź",
        "Köln",
        "ladenetz.de Köln, Łódź",
        "Total ANWB: 2 CDRs",
        "Page 1 of",
    ):
        assert expected in text
    cells = text.split("\n")
    for row in csv_rows(drawn(house, cast.tnm, [1], "csv")):
        if row["row"] == "cdr":
            assert all(row[column] in cells for column in ("cdr_id", "start", "end", "duration", "volume_kwh", "city"))


def test_each_partner_sees_its_own_and_nothing_else(house, cast, day):
    anwb = csv_rows(drawn(house, cast.anwb, [1], "csv"))
    assert [row["cdr_id"] for row in anwb if row["row"] == "cdr"] == ["A-1", "A-2"]
    with pytest.raises(Refused) as caught:
        drawn(house, cast.office, [1], "csv")
    assert caught.value.first.reason is ClearingReason.STATEMENT_UNKNOWN


@pytest.mark.parametrize("form", ["pdf", "csv"])
def test_a_statement_comes_out_the_same_byte_for_byte_whatever_happened_since(house, cast, day, form, tmp_path, clock):
    first = drawn(house, cast.tnm, [1], form)
    enrolment.change(house, "tnm", name="Renamed", timezone="Asia/Tokyo")
    enrolment.change(house, "anwb", name="Renamed too")
    enrolment.disable(house, "lnd")
    add(house, cast.tnm, cdr("later"))
    clock.turn(days=100)
    clear(house)
    with publish.open_statement(house, Shelf(tmp_path / "another shelf"), cast.tnm.id, [1], form) as file:
        assert file.read() == first


def test_a_statement_about_several_runs_has_the_lines_of_all(house, cast, day):
    add(house, cast.tnm, cdr("A-9"))
    clear(house)
    rows = csv_rows(drawn(house, cast.anwb, [1, 2], "csv"))
    assert [(row["run"], row["cdr_id"]) for row in rows if row["row"] == "cdr"] == [
        ("1", "A-1"),
        ("1", "A-2"),
        ("2", "A-9"),
    ]
    assert rows[-2]["row"] == "total"
    assert (rows[-2]["run"], rows[-2]["cdr_count"]) == ("1, 2", "3")
    assert "Runs" in pdf_text(drawn(house, cast.anwb, [1, 2], "pdf"))


def test_a_statement_about_very_many_runs_stays_quick_and_readable(house, cast, day):
    made = [
        StatementRun(number, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)) for number in range(1, 2001)
    ]
    statement, _ = publish.build(house, cast.tnm.id, [1])
    file = io.BytesIO()
    began = time.process_time()
    pdf.draw(replace(statement, runs=made, name="N" * 200), file)
    assert time.process_time() - began < 5
    text = pdf_text(file.getvalue())
    assert "1 to 2000 (2000 runs)" in text
    assert "2026-03-25" in text


@example("0\xa00", 10)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=300), st.integers(10, 200))
def test_a_wrapped_text_fits_its_width_and_loses_nothing_but_blanks(text, width):
    lines = typesetting.wrapped(text, width, typesetting.FONT, pdf.SIZE)
    assert all(len(line) <= 1 or typesetting.width_of(line, typesetting.FONT, pdf.SIZE) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == typesetting.printable(text, typesetting.FONT).replace(" ", "")


def test_a_long_statement_has_all_its_lines_and_numbers_its_pages(house, cast):
    add(house, cast.tnm, *[cdr(f"N{number:05d}") for number in range(300)])
    clear(house)
    data = drawn(house, cast.anwb, [1], "pdf")
    pages = PdfReader(io.BytesIO(data)).pages
    text = pdf_text(data)
    assert len(pages) > 5
    assert sorted(set(re.findall(r"N\d{5}", text))) == [f"N{number:05d}" for number in range(300)]
    for number, page in enumerate(pages, 1):
        assert re.search(rf"Page {number} of\s+{len(pages)}\b", page.extract_text())
    assert "1392.0000" in text


FORMULAS = ["=1+1", "+49*823*1234", "-2+3", "@SUM(A1)", "=cmd|' /C calc'!A0", '"; DROP', "a,b", 'say "hi"']


def test_no_cell_of_the_csv_is_a_formula_and_no_text_is_lost(house, cast):
    add(house, cast.tnm, *[cdr(f"{text}", contract_id=text, city=text) for text in FORMULAS])
    clear(house)
    rows = [row for row in csv_rows(drawn(house, cast.anwb, [1], "csv")) if row["row"] == "cdr"]
    assert sorted(row["contract_id"].removeprefix("'") for row in rows) == sorted(FORMULAS)
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_the_csv_is_rfc_4180(house, cast, day):
    data = drawn(house, cast.tnm, [1], "csv").decode("utf-8-sig")
    assert data.endswith("\r\n")
    assert data.count("\n") == data.count("\r\n")
    assert {len(row) for row in csv.reader(io.StringIO(data, newline=""))} == {17}


def test_markup_of_a_partner_is_printed_and_not_obeyed(house, cast):
    text = "<img src=http://127.0.0.1:9/x> <b>B</b> &amp;"
    add(house, cast.tnm, cdr("1", contract_id=text, city="<font color=red>"))
    clear(house)
    lines = pdf_text(drawn(house, cast.anwb, [1], "pdf"))
    assert "<b>B</b>" in lines
    assert "<font" in lines


def test_a_letter_that_the_font_lacks_is_replaced_and_the_rest_is_printed(house, cast):
    add(house, cast.tnm, cdr("1", city="東京 Köln"))
    clear(house)
    assert "\ufffd\ufffd Köln" in pdf_text(drawn(house, cast.anwb, [1], "pdf"))
    assert "東京 Köln" in drawn(house, cast.anwb, [1], "csv").decode()


def test_a_pdf_embeds_its_fonts_and_names_no_time_of_drawing(house, cast, day):
    data = drawn(house, cast.tnm, [1], "pdf")
    assert b"/FontFile2" in data
    assert b"D:2026" not in data
    assert zlib.crc32(data) == zlib.crc32(drawn(house, cast.tnm, [1], "pdf"))


def test_a_full_shelf_does_not_keep_a_statement_from_its_reader(house, cast, day, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with publish.open_statement(house, Shelf(blocked), cast.tnm.id, [1], "csv") as file:
        assert file.read() == drawn(house, cast.tnm, [1], "csv")


def test_a_statement_of_another_store_is_never_taken_from_the_shelf(house, cast, day):
    first = drawn(house, cast.tnm, [1], "csv")
    names = {path.name for path in house.shelf.directory.iterdir()}
    with house.database.write() as transaction:
        transaction.exec_driver_sql("UPDATE clearing_run SET request_id = '99999999999999999999999999'")
        transaction.exec_driver_sql("UPDATE clearing_run_party SET name = 'Other'")
    assert drawn(house, cast.tnm, [1], "csv") != first
    assert len({path.name for path in house.shelf.directory.iterdir()} - names) == 1


def test_many_readers_of_a_new_statement_wait_for_one_drawing(house, cast, day, monkeypatch):
    drawings = []
    original = publish.DRAWERS["pdf"]

    def counted(statement, file):
        drawings.append(1)
        original(statement, file)

    monkeypatch.setitem(publish.DRAWERS, "pdf", counted)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: drawn(house, cast.tnm, [1], "pdf"), range(16)))
    assert len(set(seen)) == 1
    assert len(drawings) == 1


def test_every_statement_of_a_run_can_be_drawn_ahead(house, cast, day):
    assert list(publish.draw_run(house, house.shelf, 1)) == ["tnm", "lnd", "anwb"]
    assert len(list(house.shelf.directory.iterdir())) == 6


def test_the_link_of_a_disabled_partner_opens_nothing_until_it_is_enabled_again(house, cast, day):
    signed = link.sign(house.link_key, cast.tnm.id, [(1, 1)], house.clock(), 86_400)

    def opens():
        found = publish.open_link(house, house.shelf, house.link_key, signed, "csv")
        if found is not None:
            found.close()
        return found is not None

    assert opens()
    enrolment.disable(house, "tnm")
    assert not opens()
    enrolment.enable(house, "tnm")
    assert opens()


def test_who_has_the_key_from_a_backup_makes_no_link_for_ever(house, cast, day):
    forged = link.seal(house.link_key, f"{cast.tnm.id}.1-999999.99999999999")
    assert publish.open_link(house, house.shelf, house.link_key, forged, "csv") is None
