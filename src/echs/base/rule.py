"""Rules as a table: each with a name, how severe it is, the field that it is about, and where it comes from.

The first rule of severity ``reject`` that a record breaks decides. Rules of severity ``warn`` stop nothing: every one
that is broken is noted.
"""

import re
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from echs.base.errors import Reason

Subject = TypeVar("Subject")
RuleContext = TypeVar("RuleContext")


class Severity(StrEnum):
    """What becomes of a record that breaks a rule: refused, accepted and held, or accepted with a note."""

    REJECT = "reject"
    HOLD = "hold"
    WARN = "warn"


class Prefilter(Protocol):
    """A quick test of many texts of one field."""

    def suspects(self, column: Sequence[str]) -> Sequence[int]:
        """The places of those that must be looked at closely."""


class PatternPrefilter:
    """Texts of this pattern are usual: all of them are matched at once, and only where that fails one by one."""

    def __init__(self, pattern: str) -> None:
        self._one = re.compile(pattern).fullmatch
        self._all = re.compile(f"(?:(?:{pattern})\n)*+").fullmatch

    def suspects(self, column: Sequence[str]) -> Sequence[int]:
        """The places of those that do not match."""
        lines = "\n".join([*column, ""])
        # A text with a line feed in it would be looked at as two.
        if lines.count("\n") == len(column) and self._all(lines):
            return ()
        return [place for place, text in enumerate(column) if not self._one(text)]


class SetPrefilter:
    """The texts of a set are usual; it is made when it is first needed."""

    def __init__(self, texts: Callable[[], Container[str]]) -> None:
        self._texts = texts

    def suspects(self, column: Sequence[str]) -> Sequence[int]:
        """The places of those that are not in it."""
        known = self._texts()
        return [place for place, text in enumerate(column) if text not in known]


class UnreadableValue(ValueError):
    """Stands in the place of a value whose text cannot be read; the message goes on where the quoted text ends."""


@dataclass(frozen=True, slots=True)
class Predicate(Generic[RuleContext]):
    """What a rule asks, declared once for one record and for a batch: ``reads`` names the values that it asks about,
    ``test`` makes of a context the function that they must satisfy.
    """

    reads: tuple[str, ...]
    test: Callable[[RuleContext], Callable[..., bool]]

    def holds(self, subject: object, rule_context: RuleContext) -> bool:
        """Whether it holds for one record; a value that cannot be read breaks another rule, and not this one."""
        values = [getattr(subject, name) for name in self.reads]
        if any(isinstance(value, UnreadableValue) for value in values):
            return True
        return self.test(rule_context)(*values)

    def holds_for_all(self, columns: Callable[[str], Collection[Any]], rule_context: RuleContext) -> bool:
        """The same for a batch whose values can all be read, by its columns: of a single one each value once."""
        values = [columns(name) for name in self.reads]
        return all(map(self.test(rule_context), *(map(set, values) if len(values) == 1 else values)))


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject, RuleContext]):
    """One rule. ``violation`` gets the record and its context, and answers with a sentence if the rule is broken.

    ``field`` is the noun's own name. ``meaning`` and ``source`` are for the documentation. A rule that rests on other
    partners' records is not ``visible_to_sender``: only the administrator learns of it. ``prefilter`` is a quick test
    of the field's texts: those that it lets pass do not break the rule, whatever the rest of the record says.
    ``requires`` names an attribute of the context: where that is empty, nothing breaks the rule. ``predicate`` is what
    the rule asks, where a batch can be asked as a whole.
    """

    name: Reason
    severity: Severity
    field: str
    violation: Callable[[Subject, RuleContext], str | None]
    meaning: str
    source: str
    visible_to_sender: bool = True
    prefilter: Prefilter | None = None
    requires: str | None = None
    predicate: Predicate[RuleContext] | None = None


def rejection(
    name: Reason,
    field: str,
    predicate: Predicate[RuleContext],
    sentence: Callable[[Subject, RuleContext], str],
    meaning: str,
    source: str,
) -> Rule[Subject, RuleContext]:
    """A rule of severity ``reject`` that is broken where its predicate does not hold; ``sentence`` then says how."""

    def violation(subject: Subject, rule_context: RuleContext) -> str | None:
        return None if predicate.holds(subject, rule_context) else sentence(subject, rule_context)

    return Rule(name, Severity.REJECT, field, violation, meaning, source, predicate=predicate)


def hold_for_all(
    rules: Sequence[Rule[Subject, RuleContext]], columns: Callable[[str], Collection[Any]], rule_context: RuleContext
) -> bool:
    """Whether no record of a batch breaks one of these rules, of those that have a predicate."""
    return all(rule.predicate.holds_for_all(columns, rule_context) for rule in rules if rule.predicate is not None)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a record breaks, and the sentence."""

    rule: Rule[Any, Any]
    detail: str


def findings(
    rules: Sequence[Rule[Subject, RuleContext]], subject: Subject, rule_context: RuleContext
) -> Iterator[Finding]:
    """The rules that the record breaks, in the order of the table."""
    for rule in rules:
        detail = rule.violation(subject, rule_context)
        if detail is not None:
            yield Finding(rule, detail)
