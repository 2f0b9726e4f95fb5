"""The triggers by which the store itself refuses to rewrite the audit trail, as migrations 0006 and 0007 make them.

Whoever owns the store can take them away; here is what shows it, also where one of the same name stands that does
nothing.
"""

import re
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

REFUSAL = "the audit trail is only added to"
KEYS = {"audit": "number", "audit_baseline": "id"}


def of_sqlite() -> dict[str, str]:
    """The statement that made each trigger, by its name."""
    made = {}
    for table, key in KEYS.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            made[name] = f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {refuse}"
        taken = f"SELECT 1 FROM {table} WHERE {key} = NEW.{key}"  # noqa: S608 - names of ours
        name = f"{table}_no_replace"
        made[name] = f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN EXISTS ({taken}) {refuse}"
    return made


def of_postgresql() -> dict[str, str]:
    """What `pg_get_triggerdef` says of each trigger, and the body of its function, by its name."""
    return {
        f"{table}_no_change": (
            f"CREATE TRIGGER {table}_no_change BEFORE DELETE OR UPDATE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse() BEGIN RAISE EXCEPTION '{REFUSAL}'; END"
        )
        for table in KEYS
    }


GUARDS = {"sqlite": of_sqlite(), "postgresql": of_postgresql()}
IN_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
# One that is disabled, or fires for replication alone, guards nothing.
IN_POSTGRESQL = """
    SELECT tgname, pg_get_triggerdef(pg_trigger.oid, true) || ' ' || prosrc
           || CASE WHEN tgenabled IN ('O', 'A') THEN '' ELSE ' DISABLED' END
      FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal
"""


def differences(snapshot: Connection) -> list[str]:
    """In what the triggers of a store are not those that it was given, each in a sentence."""
    kind = snapshot.dialect.name
    rows = snapshot.execute(text(IN_SQLITE if kind == "sqlite" else IN_POSTGRESQL)).all()
    return list(compared(kind, ((name, definition) for name, definition in rows)))


def compared(kind: str, found: Iterable[tuple[str, str]], *, complete: bool = True) -> Iterator[str]:
    """The same of triggers that were looked up already, each with its name and definition; where the store need not be
    ``complete``, none is missed.
    """
    there, guards = dict(found), GUARDS[kind]
    for name in sorted(guards):
        if name not in there:
            if complete:
                yield f"the trigger {name} is missing: the audit trail could be rewritten"
        elif plain(there[name]) != plain(guards[name]):
            yield f"the trigger {name} is another than it was: the audit trail could be rewritten"
    for name in sorted(set(there) - set(guards)):
        yield f"there is a trigger {name} that is none of ours"


def plain(definition: str) -> str:
    """A definition without what makes no difference: white space and quotes around names."""
    return re.sub(r'[\s"]+', " ", definition).strip()
