"""Setting text: what the fonts have, how wide a text is, where it is broken, and how a row of cells is written.

Statements have a hundred thousand rows of nine cells. ReportLab's own text objects do for a cell what is needed once a
row or once a document; here the operators of a row are written as one piece (PDF 1.7, 9.4), with its fonts.
"""

import zlib
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import font_roboto
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFName, PDFStream
from reportlab.pdfbase.ttfonts import TTFont

FONT, BOLD = "Roboto", "Roboto-Bold"
# More than fit any line: what stands behind them need not be measured.
LINE_CHARACTERS = 400
ESCAPES = str.maketrans({"\\": "\\\\", "(": "\\(", ")": "\\)"})


@cache
def fonts() -> dict[str, frozenset[int]]:
    """Register both fonts and answer which characters each has."""
    files = {FONT: "Roboto-Regular.ttf", BOLD: "Roboto-Bold.ttf"}
    known = {}
    for name, file in files.items():
        font = TTFont(name, str(Path(font_roboto.font_directory) / file))
        pdfmetrics.registerFont(font)
        known[name] = frozenset(font.face.charToGlyph)
    return known


def printable(text: str, font: str) -> str:
    """The text with a replacement sign for every character that the font lacks."""
    if text.isascii() and text.isprintable():
        return text
    known = fonts()[font]
    sign = "\N{REPLACEMENT CHARACTER}" if 0xFFFD in known else "?"
    return "".join(character if ord(character) in known else sign for character in text)


@cache
def widths(font: str) -> dict[str, float]:
    """The width of each character of a font, in thousandths of its size."""
    fonts()
    face = pdfmetrics.getFont(font).face
    table = {chr(code): float(width) for code, width in face.charWidths.items()}
    table["\xa0"] = table[" "]  # as which it is set
    return table


def width_of(text: str, font: str, size: float) -> float:
    """The width of a text in points; each of its characters must be one of the font's."""
    return sum(map(widths(font).__getitem__, text)) * size / 1000


def wrapped(text: str, width: float, font: str, size: float) -> tuple[str, ...]:
    """The text in pieces that fit the width; broken after a blank where there is one, anywhere else otherwise."""
    rest = printable(text, font)
    if len(rest) <= LINE_CHARACTERS and width_of(rest, font, size) <= width:
        return (rest,)
    return broken(rest, width, font, size)


@lru_cache(maxsize=8192)
def broken(text: str, width: float, font: str, size: float) -> tuple[str, ...]:
    """The pieces of a text that does not fit."""
    pieces: list[str] = []
    rest = text
    while rest and width_of(rest[:LINE_CHARACTERS], font, size) > width:
        end = bisect_right(
            range(1, min(len(rest), LINE_CHARACTERS)), width, key=lambda n: width_of(rest[:n], font, size)
        )
        blank = rest.rfind(" ", 1, end + 1)
        cut = blank + 1 if blank > 0 else max(end, 1)
        pieces.append(rest[:cut].rstrip(" "))
        rest = rest[cut:]
    return (*pieces, rest) if rest or not pieces else tuple(pieces)


def turn_page(canvas: Any) -> None:
    """Finish a page, and compress what is written on it at once: ReportLab would keep all pages as text to the end."""
    canvas.showPage()
    page = canvas._doc.Pages.pages[-1]
    content = zlib.compress(page.stream.encode("ascii"))
    page.Contents = PDFStream(PDFDictionary({"Filter": PDFName("FlateDecode")}), content)
    page.stream = None


@lru_cache(maxsize=4096)
def points(value: float) -> str:
    """A coordinate as it stands in a page; a table has few columns and few rows on it."""
    return f"{value:.2f}"


# By document and font, the name of the subset with ASCII in it.
_first_subsets: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def first_subset(document: Any, font: str) -> str:
    """The name of the first subset of a font in a document, which has it from then on."""
    names = _first_subsets.setdefault(document, {})
    if font not in names:
        dynamic = pdfmetrics.getFont(font)
        dynamic.splitString(" ", document)
        names[font] = str(dynamic.getSubsetInternalName(0, document))
    return names[font]


def set_texts(canvas: Any, texts: Sequence[tuple[float, float, str]], font: str, size: float, color: Any) -> None:
    """Write texts, each at x and y, in one font, size and colour.

    ReportLab deals out the codes of a font's characters by the subset, as a document comes to need them; those of
    ASCII are in the first subset and are what they are everywhere.
    """
    document, dynamic = canvas._doc, pdfmetrics.getFont(font)
    plain = f"{first_subset(document, font)} {size} Tf"
    operators = [f"{color.red:.3f} {color.green:.3f} {color.blue:.3f} rg {plain}"]
    for x, y, text in texts:
        # A text object and a line each: who takes the text out of the file finds the cells apart.
        operators.append(f"BT 1 0 0 1 {points(x)} {points(y)} Tm")
        if text.isascii():
            shown = text.translate(ESCAPES) if "(" in text or ")" in text or "\\" in text else text
            operators.append(f"({shown}) Tj T* ET")
            continue
        for subset, codes in dynamic.splitString(text, document):
            name = dynamic.getSubsetInternalName(subset, document)
            operators.append(f"{name} {size} Tf <{codes.hex()}> Tj")
        operators.append(f"{plain} T* ET")
    canvas._code.append(" ".join(operators))
