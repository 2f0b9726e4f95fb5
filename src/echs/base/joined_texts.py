"""The texts of a group as one text: SQLAlchemy's own function cannot be part of a prepared query."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BETWEEN = "\n"


class joined_texts(FunctionElement[str]):
    """The texts, a line feed between them, in no order; null where there are none."""

    type = Text()
    inherit_cache = True


@compiles(joined_texts, "sqlite")
def of_sqlite(element: joined_texts, compiler: SQLCompiler, **keywords: Any) -> str:
    """As SQLite calls it."""
    return f"group_concat({compiler.process(element.clauses, **keywords)}, char(10))"


@compiles(joined_texts, "postgresql")
def of_postgresql(element: joined_texts, compiler: SQLCompiler, **keywords: Any) -> str:
    """As PostgreSQL calls it."""
    return f"string_agg({compiler.process(element.clauses, **keywords)}, chr(10))"
