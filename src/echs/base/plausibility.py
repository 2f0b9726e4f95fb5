"""Rules as a table: each with a name, how severe it is, the field that it is about, and where it comes from.

The first rule of severity ``reject`` that a record breaks decides. Rules of severity ``warn`` stop nothing: every one
that is broken is noted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from echs.base.errors import Reason

Subject = TypeVar("Subject")
Scene = TypeVar("Scene")


class Severity(StrEnum):
    """What becomes of a record that breaks a rule: refused, accepted and held, or accepted with a note."""

    REJECT = "reject"
    HOLD = "hold"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject, Scene]):
    """One rule. ``broken`` gets the record and what it is seen against, and answers with a sentence if it is broken.

    ``field`` is the noun's own name. ``meaning`` and ``source`` are for the documentation. A rule that is not ``told``
    rests on what other partners sent: the sender does not learn of it, the administrator does.
    """

    name: Reason
    severity: Severity
    field: str
    broken: Callable[[Subject, Scene], str | None]
    meaning: str
    source: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a record breaks, and the sentence."""

    rule: Rule[Any, Any]
    detail: str


def findings(rules: Sequence[Rule[Subject, Scene]], subject: Subject, scene: Scene) -> Iterator[Finding]:
    """The rules that the record breaks, in the order of the table."""
    for rule in rules:
        detail = rule.broken(subject, scene)
        if detail is not None:
            yield Finding(rule, detail)
