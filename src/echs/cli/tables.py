"""Tables for people: as wide as the terminal, and no id, time or field name is ever broken over lines.

Texts of several words may be wrapped, between words. Where a table is still too wide its rows are stacked: each is a
heading and pairs of name and value. Where there is no terminal a table is as wide as it needs to be.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.cells import cell_len

# A time has a blank, and is one word all the same.
WORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\S*|\S+")
# A text of so many blanks is prose: it may be wrapped, down to this width.
PROSE_BLANKS = 3
PROSE_WIDTH = 24
# How a table shows that there is no value.
NONE = "-"
INDENT = "  "
GAP = "  "
# What a border and the blanks beside a value take.
BORDER, BETWEEN = 1, 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown: paragraphs of words, which stay whole. ``prose`` may be wrapped."""

    paragraphs: tuple[tuple[str, ...], ...]
    prose: bool

    @property
    def lines(self) -> list[str]:
        """Unwrapped."""
        return [" ".join(words) for words in self.paragraphs]

    @property
    def width(self) -> int:
        """Columns of the terminal, unwrapped."""
        return max(map(cell_len, self.lines), default=0)

    @property
    def narrowest(self) -> int:
        """Columns of the terminal that the longest word needs; all of it where it may not be wrapped."""
        if not self.prose:
            return self.width
        return max((cell_len(word) for words in self.paragraphs for word in words), default=0)

    def wrapped(self, width: int) -> list[str]:
        """Lines of at most ``width``, or of one longer word."""
        if not self.prose:
            return self.lines
        return [line for words in self.paragraphs for line in wrap(words, width)]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, a time being one."""
    return tuple(WORD.findall(text)) or ("",)


def text_cell(text: str, *, prose: bool = False) -> Cell:
    """A text as a cell; one of several words is prose in any case."""
    prose = prose or text.count(" ") >= PROSE_BLANKS
    return Cell((words_of(text) if prose else (text,),), prose)


def wrap(words: Iterable[str], width: int) -> list[str]:
    """Words in lines of at most ``width``; a longer word has a line of its own."""
    lines: list[str] = []
    for word in words:
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def terminal_width() -> int | None:
    """Columns of the terminal, or COLUMNS. Output into a pipe has the width of the terminal that reads it, if there is
    one (`| less`); None where there is none.
    """
    columns = shutil.get_terminal_size((0, 0)).columns
    for stream in (sys.__stderr__, sys.__stdin__):
        if columns <= 0 and stream is not None:
            with suppress(OSError, ValueError):
                columns = os.get_terminal_size(stream.fileno()).columns
    return columns if columns > 0 else None


def column_widths(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: int | None) -> list[int] | None:
    """How wide each column is in a table of ``width``; None where there is too little room for whole words."""
    natural = [max([cell_len(name), *(row[at].width for row in rows)]) for at, name in enumerate(columns)]
    if width is None:
        return natural
    room = width - BORDER - BETWEEN * len(columns)
    if sum(natural) <= room:
        return natural
    least = []
    for at, name in enumerate(columns):
        words = max((cell_len(word) for word in name.split()), default=0)
        narrowest = max([words, *(row[at].narrowest for row in rows)])
        has_prose = any(row[at].prose for row in rows)
        least.append(max(narrowest, min(natural[at], PROSE_WIDTH)) if has_prose else narrowest)
    left = room - sum(least)
    if left < 0:
        return None
    # What is left goes to the narrowest that wants more, a column at a time.
    while left:
        wanting = [at for at in range(len(columns)) if least[at] < natural[at]]
        if not wanting:
            break
        least[min(wanting, key=lambda at: least[at])] += 1
        left -= 1
    return least


def stacked(columns: Sequence[str], row: Sequence[Cell], width: int) -> list[str]:
    """A row that is too wide for a table: a heading, pairs of name and value, and prose on lines of its own. What
    has no value is left out.
    """
    lines = [*row[0].wrapped(width)]
    pairs: list[str] = []
    prose: list[str] = []
    for name, cell in zip(columns[1:], row[1:], strict=True):
        if cell.lines in ([NONE], [""]):
            continue
        label = f"{name}: " if name else ""
        if cell.prose and len(INDENT) + len(label) + cell.width > width:
            first, *more = (
                line
                for at, words in enumerate(cell.paragraphs)
                for line in wrap([label.rstrip(), *words] if label and at == 0 else words, width - 2 * len(INDENT))
            )
            prose += [INDENT + first, *(2 * INDENT + line for line in more)]
        else:
            pairs += [f"{label}{line}" if at == 0 else line for at, line in enumerate(cell.lines)]
    flowed: list[str] = []
    for pair in pairs:
        if flowed and cell_len(flowed[-1]) + len(GAP) + cell_len(pair) <= width:
            flowed[-1] += GAP + pair
        else:
            flowed.append(INDENT + pair)
    return [*lines, *flowed, *prose]
