"""GetCDRs of many CDRs: the store sorts nothing, the worker holds nothing, and served is what was made to the end."""

import time
from pathlib import Path

import pytest
from sqlalchemy import event, select

from cast import add_cdrs, cdr
from echs.audit import tables as audit_tables
from echs.audit.entry import Action
from echs.base import response_stream
from echs.base.response_stream import collected
from echs.clearing import run
from echs.delivery.cleared_cdrs import deliver
from echs.protocols.ochp02.contracts import PROTOCOL
from echs.protocols.ochp02.record_codec import record_template
from echs.protocols.ochp02.wire_schema import CDR_INFO
from wire import Caller

_requests = iter(f"{number:026d}" for number in range(10**6))


def cleared(context, sender, count, more=0):
    """A run of so many CDRs; ``more`` are copies that the store makes of the first."""
    add_cdrs(context, sender, iter([cdr(number) for number in range(count)]), next(_requests), context.lists)
    if more:
        with context.database.write() as transaction:
            names = [row[1] for row in transaction.exec_driver_sql("PRAGMA table_info(cdr)")]
            same = ", ".join(name for name in names if name not in ("id", "cdr_id"))
            numbers = f"WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {999 + more})"
            transaction.exec_driver_sql(
                f"{numbers} INSERT INTO cdr (id, cdr_id, {same}) SELECT i, 'c' || i, {same} FROM n, cdr WHERE cdr.id = 1"
            )
            transaction.exec_driver_sql("INSERT INTO cdr_uncleared SELECT id, provider_key FROM cdr WHERE id >= 1000")
    return run.clear(context, "test", next(_requests)).number


def first_served(context, partner):
    _, _, parties = run.run_of_number(context, 1)
    return {party.partner_id: party.first_served_at for party in parties}[partner.id]


def memory_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_embedded_store_gives_the_cdrs_of_a_run_in_the_order_of_its_index(context, cast):
    cleared(context, cast.tnm, 3)
    plans = []

    @event.listens_for(context.database.engine, "before_cursor_execute")
    def note(connection, _cursor, statement, parameters, *_):
        if "payload" in statement:
            explained = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in explained.fetchall())

    assert [text for batch in deliver(context, cast.anwb, PROTOCOL, lambda row: row.payload).payloads for text in batch]
    assert plans
    assert not [step for step in plans if "TEMP B-TREE" in step], plans


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_hundred_and_fifty_thousand_cdrs_take_next_to_no_memory(context, cast):
    cleared(context, cast.tnm, 1, more=150_000)
    before, most, size = memory_mib(), 0.0, 0
    answer = collected(
        map(record_template(CDR_INFO).render, deliver(context, cast.anwb, PROTOCOL, lambda row: row.payload).payloads)
    )
    for piece in answer:
        size += len(piece)
        most = max(most, memory_mib())
    answer.close()
    assert size > 100_000_000
    # The relay may keep 8 MiB; the whole is a hundred.
    assert most - before < 40


def test_a_large_answer_begins_before_it_is_made_and_is_whole(app, context, cast, monkeypatch):
    monkeypatch.setattr(response_stream, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(response_stream, "SPOOL_BYTES", 2000)
    monkeypatch.setattr("echs.cdrs.cleared.ROWS_AT_ONCE", 2)
    cleared(context, cast.tnm, 60)
    caller = Caller(app, "anwb")
    answer = caller.send("GetCDRs")
    assert answer.code == 0
    assert [record[0] for record in answer.records(CDR_INFO)] == [str(number) for number in range(60)]
    assert "Content-Length" not in answer.headers
    assert first_served(context, cast.anwb) is not None
    fetched = select(audit_tables.audit.c.actor).where(audit_tables.audit.c.action == Action.CDRS_FETCHED)
    with context.database.read() as snapshot:
        assert list(snapshot.execute(fetched).scalars()) == ["anwb"]


def test_a_large_answer_that_nobody_reads_to_its_end_is_not_one_that_was_given(app, context, cast, monkeypatch):
    monkeypatch.setattr(response_stream, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(response_stream, "SPOOL_BYTES", 2000)
    monkeypatch.setattr("echs.cdrs.cleared.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("echs.base.prefetch_buffer.MEMORY_BYTES", 4000)
    monkeypatch.setattr("echs.base.prefetch_buffer.WAIT_SECONDS", 0.05)
    monkeypatch.setattr("echs.base.prefetch_buffer.PrefetchBuffer._into_file", lambda _self, data: data)
    cleared(context, cast.tnm, 200)
    answer = collected(
        map(record_template(CDR_INFO).render, deliver(context, cast.anwb, PROTOCOL, lambda row: row.payload).payloads)
    )
    assert next(iter(answer))
    answer.close()
    for _ in range(100):
        if not context.database.connections_in_use:
            break
        time.sleep(0.05)
    assert context.database.connections_in_use == 0
    assert first_served(context, cast.anwb) is None


def test_what_fails_before_the_first_byte_is_answered(app, context, cast, monkeypatch):
    monkeypatch.setattr(response_stream, "MEMORY_BYTES", 1000)
    monkeypatch.setattr("echs.cdrs.cleared.ROWS_AT_ONCE", 2)
    cleared(context, cast.tnm, 60)

    def failing(context, partner, runs):
        raise OSError("the disk is gone")

    monkeypatch.setattr("echs.protocols.ochp02.operations.mark_served", failing)
    answer = Caller(app, "anwb").send("GetCDRs")
    assert answer.code == 501
    assert first_served(context, cast.anwb) is None


def test_what_fails_later_breaks_the_answer_off_and_leaves_the_run_to_be_given_again(context, cast, monkeypatch, app):
    monkeypatch.setattr(response_stream, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(response_stream, "SPOOL_BYTES", 2000)
    monkeypatch.setattr("echs.cdrs.cleared.ROWS_AT_ONCE", 2)
    cleared(context, cast.tnm, 60)

    def failing(context, partner, runs):
        raise OSError("the disk is gone")

    caller = Caller(app, "anwb")
    with monkeypatch.context() as broken, pytest.raises(OSError, match="the disk is gone"):
        broken.setattr("echs.protocols.ochp02.operations.mark_served", failing)
        caller.send("GetCDRs")
    assert first_served(context, cast.anwb) is None
    assert len(caller.send("GetCDRs").records(CDR_INFO)) == 60
