"""Who issues a statement and to whom, what a run left, and that all of it stays as it was."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import func, select

from cast import add_cdrs, cdr
from echs.cdrs import decisions
from echs.cdrs.status import Decided
from echs.clearing import open_items as left_module
from echs.clearing import run, statement_builder, tables
from echs.clearing.open_items import open_items_of
from echs.config.app_context import open_app_context
from echs.config.settings import BadConfiguration, read_settings
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.statements.issuer import LOGO_BYTES, BadLogo, Issuer, check_logo
from echs.statements.statement_cache import StatementCache
from echs.statements.svg import BadDrawing, read_drawing

_requests = iter(f"{number:026d}" for number in range(10**6))


def png(width=40, height=10, mode="RGBA"):
    file = io.BytesIO()
    Image.new(mode, (width, height), (10, 110, 80, 128)[: len(mode)]).save(file, "PNG")
    return file.getvalue()


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><g transform="translate(1 1)" fill="#0b6e4f">
<circle cx="4" cy="4" r="4"/><path d="M10 0h8v8h-8z m1 1q2,2 4-0a1 1 0 013 2" stroke="red"/></g></svg>"""

ISSUER = Issuer("Stichting Laadverrekening", ("Utrechtseweg 310", "6812 AR Arnhem"), "KvK 12345678", "NL001B01", png())


def add(context, sender, *records):
    add_cdrs(context, sender, iter(records), next(_requests), context.lists)


def clear(context, issuer=ISSUER):
    return run.clear(context, "test", next(_requests), issuer)


def drawn(context, partner, runs, statement_cache=None):
    with statement_builder.open_statement(
        context, statement_cache or context.statement_cache, partner.id, runs, "pdf"
    ) as file:
        return file.read()


def text_of(data):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def decided(context, kind, number, reason="a reason"):
    decisions.decide(context, kind, str(number), "TheNewMotion", reason, "office")


# ---------------------------------------------------------------------- the letter


def test_a_statement_names_its_issuer_and_its_addressee(context, cast):
    enrolment.change(context, "anwb", address=["Wassenaarseweg 220", "2596 EC Den Haag"], vat_id="NL002B01")
    add(context, cast.tnm, cdr(1))
    clear(context)
    data = drawn(context, cast.anwb, [1])
    text = text_of(data)
    for expected in (
        *ISSUER.address,
        ISSUER.name,
        ISSUER.register,
        "VAT NL001B01",
        "Wassenaarseweg 220",
        "VAT NL002B01",
    ):
        assert expected in text
    assert PdfReader(io.BytesIO(data)).metadata.author == ISSUER.name


@pytest.mark.parametrize("logo", [png(), png(mode="RGB"), SVG, None])
def test_a_statement_comes_out_the_same_whatever_becomes_of_issuer_and_partner(context, cast, clock, tmp_path, logo):
    issuer = Issuer("The first", ("Street 1",), logo=logo)
    enrolment.change(context, "anwb", address=["Old street"])
    add(context, cast.tnm, cdr(1), cdr(2), cdr(3, provider_id="Nobody"))
    decided(context, Decided.HOLD, 2)
    clear(context, issuer)
    first = drawn(context, cast.tnm, [1])
    enrolment.change(context, "anwb", address=[], vat_id="X")
    enrolment.change(context, "tnm", address=["New street"], name="Renamed")
    decided(context, Decided.RELEASE, 2)
    enrolment.assign_ids(context, "lnd", Ownership(provider_ids=["Nobody"]))
    clock.turn(days=9)
    clear(context, Issuer("The second"))
    assert drawn(context, cast.tnm, [1], StatementCache(tmp_path / "other")) == first
    assert "The second" in text_of(drawn(context, cast.tnm, [1, 2]))


def test_an_issuer_is_kept_once_for_all_runs_that_have_it(context, cast):
    for number, issuer in enumerate((ISSUER, ISSUER, Issuer("Another"))):
        add(context, cast.tnm, cdr(number))
        assert clear(context, issuer).issuer_hash == issuer.hash
    with context.database.read() as snapshot:
        assert snapshot.execute(select(func.count()).select_from(tables.statement_issuer)).scalar() == 2


def test_a_logo_stands_in_the_file_as_a_picture_or_as_lines(context, cast):
    add(context, cast.tnm, cdr(1))
    clear(context)
    picture = PdfReader(io.BytesIO(drawn(context, cast.anwb, [1])))
    assert len(picture.pages[0].images) == 1
    add(context, cast.tnm, cdr(2))
    clear(context, Issuer("Lines", logo=SVG))
    lines = PdfReader(io.BytesIO(drawn(context, cast.anwb, [2])))
    assert len(lines.pages[0].images) == 0
    assert b".043137 .431373 .309804 rg" in lines.pages[0].get_contents().get_data()


# ---------------------------------------------------------------------- settings


def settings_with(environment, tmp_path, logo=None, **more):
    given = {f"ECHS_ISSUER_{name.upper()}": value for name, value in more.items()}
    if logo is not None:
        (tmp_path / "logo").write_bytes(logo)
        given["ECHS_ISSUER_LOGO"] = str(tmp_path / "logo")
    return read_settings({**environment, **given})


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_issuer_is_read_from_the_settings(environment, tmp_path):
    told = {"name": "Office", "address": "Street 1 | 1000 City", "register": "KvK 1", "vat_id": "NL1"}
    opened = open_app_context(settings_with(environment, tmp_path, png(), **told))
    assert opened.issuer == Issuer("Office", ("Street 1", "1000 City"), "KvK 1", "NL1", png())
    opened.database.close()


def broken_png():
    data = bytearray(png(400, 400, "RGB"))
    return bytes(data[: len(data) // 2])


LOGOS = {
    "neither": (b"GIF89a", "no PNG, and as SVG it is not XML"),
    "too many bytes": (b"x" * (LOGO_BYTES + 1), "more than the 262144 bytes"),
    "too many pixels": (png(3000, 1000, "L"), "3000 x 1000 pixels"),
    "a bomb": (png(1, 1)[:16] + b"\xff" * 8 + png(1, 1)[24:], "pixels"),
    "cut off": (broken_png(), "broken or cut off"),
    "text": (SVG.replace(b"<g ", b"<text>x</text><g "), "an element text"),
    "gradient": (SVG.replace(b"#0b6e4f", b"url(#a)"), "gradients"),
    "classes": (SVG.replace(b"<circle", b'<circle class="a"'), "style sheet"),
    "entities": (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "entities"),
    "nothing": (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>', "draws nothing"),
    "no frame": (b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>', "number"),
    "a path that is none": (SVG.replace(b"M10 0h8", b"M10 0h8 b"), "path"),
    "transparent": (SVG.replace(b"<circle", b'<circle opacity="0.5"'), "transparent"),
}


@pytest.mark.parametrize("kind", LOGOS)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_logo_that_cannot_be_drawn_is_refused_at_the_start_with_a_sentence(environment, tmp_path, kind):
    logo, said = LOGOS[kind]
    with pytest.raises(BadLogo, match=said):
        check_logo(logo)
    with pytest.raises(BadConfiguration) as caught:
        open_app_context(settings_with(environment, tmp_path, logo, name="Office"))
    assert caught.value.errors[0].startswith("ECHS_ISSUER_LOGO: ")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_logo_that_is_not_there_and_an_issuer_without_a_name_are_refused_at_the_start(environment, tmp_path):
    with pytest.raises(BadConfiguration, match=r"ECHS_ISSUER_LOGO: .* cannot be read"):
        open_app_context(
            read_settings({**environment, "ECHS_ISSUER_NAME": "x", "ECHS_ISSUER_LOGO": str(tmp_path / "no")})
        )
    with pytest.raises(BadConfiguration, match="ECHS_ISSUER_NAME"):
        open_app_context(settings_with(environment, tmp_path, address="Street"))
    with pytest.raises(BadConfiguration, match="control character"):
        settings_with(environment, tmp_path, name="two\nlines")


def test_every_form_of_an_outline_is_read_as_the_same_lines():
    def steps(inner):
        begin = '<svg xmlns="http://www.w3.org/2000/svg" width="20px" height="20px">'
        (shape,) = read_drawing(f"{begin}{inner}</svg>".encode()).shapes
        return [(kind, [(round(x, 6), round(y, 6)) for x, y in points]) for kind, points in shape.steps]

    square = [("M", [(1, 2)]), ("L", [(5, 2)]), ("L", [(5, 6)]), ("L", [(1, 6)]), ("Z", [])]
    assert steps('<path d="M1 2H5V6H1Z"/>') == square
    assert steps('<path d="m1,2 4,0 0,4 -4,0z"/>') == square
    assert steps('<polygon points="1,2 5,2 5,6 1,6"/>') == square
    assert steps('<path transform="translate(1 2) scale(2)" d="M0 0L2 0L2 2L0 2z"/>') == square
    assert steps('<path transform="rotate(90 1 2)" d="M1 2V-2H5V2z"/>')[:2] == square[:2]
    half = steps('<path d="M0 5A5 5 0 0 1 10 5"/>')
    assert half == steps('<path d="M0 5a5 5 0 0110 0"/>')
    assert [points[-1] for _, points in half] == [(0, 5), (5, 0), (10, 5)]
    curve = steps('<path d="M0 0C1 1 2 2 3 3S5 5 6 6"/>')
    assert curve[-1] == ("C", [(4, 4), (5, 5), (6, 6)])
    smooth = steps('<path d="M0 0Q1 2 2 0T4 0"/>')
    assert smooth[-1][1][-1] == (4, 0)
    assert smooth[-1][1][0] == pytest.approx((2 + 2 / 3, -4 / 3), abs=1e-5)
    with pytest.raises(BadDrawing, match="nested"):
        steps("<g>" * 40 + '<circle r="1"/>' + "</g>" * 40)


# ---------------------------------------------------------------------- what a run left


def left_of(context, number, partner):
    numbers = number if isinstance(number, list) else [number]
    with context.database.read() as snapshot:
        return [
            (each.why.value, each.cdr_id, each.reason, each.cdr_count, each.volume_e4_kwh)
            for each in open_items_of(snapshot, numbers, partner.id)
        ]


def test_a_run_keeps_what_it_left_and_why_and_tells_those_whom_it_concerns(context, cast):
    add(context, cast.tnm, *[cdr(number) for number in range(4)], cdr("h1", provider_id="Nobody"))
    add(context, cast.tnm, cdr("h2", provider_id="nobody", volume="1"))
    decided(context, Decided.HOLD, 1, "meter is looked into")
    decided(context, Decided.REJECT, 2, "test of the installer")
    clear(context)
    named = [
        ("on-hold", "1", "meter is looked into", 1, 46_400),
        ("rejected", "2", "test of the installer", 1, 46_400),
    ]
    assert left_of(context, 1, cast.anwb) == named
    assert left_of(context, 1, cast.tnm) == [*named, ("held", "", left_module.NOBODY, 2, 56_400)]
    assert left_of(context, 1, cast.lnd) == []
    text = text_of(drawn(context, cast.tnm, [1]))
    assert "Not in this statement: 4 CDRs, 14.9200 kWh; what and why stands at the end." in text
    for line in (
        "on-hold TheNewMotion ANWB 1 1 4.6400 meter is looked into",
        "rejected TheNewMotion ANWB 2 1 4.6400 test of the installer",
        "held TheNewMotion Nobody – 2 5.6400 nobody has this provider id",
    ):
        assert line in text.split("\n")


def test_a_rejected_cdr_is_told_once_and_one_on_hold_until_it_is_released(context, cast, clock):
    add(context, cast.tnm, *[cdr(number) for number in range(3)])
    decided(context, Decided.HOLD, 1)
    decided(context, Decided.REJECT, 2)
    clear(context)
    clock.now -= timedelta(minutes=4)  # order comes from the runs, not from the clock
    add(context, cast.tnm, cdr(5), cdr(6))
    decided(context, Decided.REJECT, 6)
    clear(context)
    assert [row[:2] for row in left_of(context, 2, cast.anwb)] == [("on-hold", "1"), ("rejected", "6")]
    decided(context, Decided.RELEASE, 1)
    clear(context)
    assert left_of(context, 3, cast.anwb) == []


def test_a_statement_about_several_runs_does_not_say_that_it_lacks_what_is_in_it(context, cast):
    add(context, cast.tnm, cdr(0), cdr(1), cdr(2))
    decided(context, Decided.HOLD, 1)
    decided(context, Decided.REJECT, 2)
    clear(context)
    decided(context, Decided.RELEASE, 1)
    add(context, cast.tnm, cdr(3))
    decided(context, Decided.HOLD, 3)
    clear(context)
    assert [row[:2] for row in left_of(context, [1, 2], cast.anwb)] == [("rejected", "2"), ("on-hold", "3")]
    assert [row[:2] for row in left_of(context, 1, cast.anwb)] == [("on-hold", "1"), ("rejected", "2")]


def test_who_took_no_part_in_a_run_is_told_of_what_it_rejected_with_its_next(context, cast):
    add(context, cast.tnm, cdr(0), cdr("L", provider_id="ladenetz.de"))
    decided(context, Decided.REJECT, "L")
    clear(context)
    assert left_of(context, 1, cast.anwb) == []
    for number in (1, 2):
        add(context, cast.tnm, cdr(number, provider_id="ladenetz.de"))
        clear(context)
    assert [row[:2] for row in left_of(context, 2, cast.lnd)] == [("rejected", "L")]
    assert left_of(context, 3, cast.lnd) == []
    assert [row[:2] for row in left_of(context, [2, 3], cast.lnd)] == [("rejected", "L")]
    assert [row[:2] for row in left_of(context, 1, cast.tnm)] == [("rejected", "L")]
    assert left_of(context, 2, cast.tnm) == []


def test_beyond_a_bound_those_on_hold_are_summed_and_the_rejected_are_left_to_the_next_run(context, cast, monkeypatch):
    monkeypatch.setattr(left_module, "NAMED", 2)
    add(context, cast.tnm, *[cdr(number) for number in range(10)])
    for number in range(4):
        decided(context, Decided.HOLD, number)
        decided(context, Decided.REJECT, number + 4)
    clear(context)
    told = left_of(context, 1, cast.anwb)
    assert [row[1] for row in told if row[0] == "rejected"] == ["4", "5"]
    assert [row[1:] for row in told if row[0] == "on-hold"] == [
        ("0", "a reason", 1, 46_400),
        ("1", "a reason", 1, 46_400),
        ("", left_module.MORE, 2, 92_800),
    ]
    add(context, cast.tnm, cdr(20))
    clear(context)
    assert [row[1] for row in left_of(context, 2, cast.anwb) if row[0] == "rejected"] == ["6", "7"]


def test_a_run_that_fails_leaves_nothing_of_its_letter_either(context, cast, monkeypatch):
    add(context, cast.tnm, cdr(1))

    def failing(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("echs.clearing.run.store_open_items", failing)
    with pytest.raises(RuntimeError):
        clear(context)
    with context.database.read() as snapshot:
        assert snapshot.execute(select(func.count()).select_from(tables.statement_issuer)).scalar() == 0
