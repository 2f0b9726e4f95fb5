"""The deadline ends the work of a request: reading, judging and the transaction, not only the connection."""

import time

import pytest
from sqlalchemy import text

from cast import add_cdrs, cdr, set_tokens, token
from echs.base import deadline, request_context
from echs.base.errors import LoadReason, Refused
from echs.base.request_context import RequestContext
from echs.cdrs import intake
from wire import Caller

REQUEST = "0" * 26


@pytest.fixture
def late():
    """A request whose time is over."""
    yield request_context.begin(RequestContext(deadline=time.monotonic() - 1))
    request_context.end()


def test_a_command_has_no_deadline_and_a_request_ends_at_its_own():
    request_context.begin(RequestContext())
    assert not deadline.passed()
    request_context.begin(RequestContext(deadline=time.monotonic() + 60))
    deadline.check()
    request_context.begin(RequestContext(deadline=time.monotonic()))
    with pytest.raises(Refused) as refused:
        deadline.check()
    assert refused.value.first.reason is LoadReason.DEADLINE_EXCEEDED
    request_context.end()
    assert not deadline.passed()


def test_records_are_read_no_further_than_the_deadline(context, cast, late):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield token(len(taken))

    with pytest.raises(Refused) as refused:
        set_tokens(context, cast.tnm, endless())
    assert refused.value.first.reason is LoadReason.DEADLINE_EXCEEDED
    assert len(taken) == 1


@pytest.mark.parametrize("step", ["known_positions", "CdrWriter.store", "CdrWriter.warn"])
def test_an_upload_whose_time_is_over_inside_its_transaction_stores_nothing(context, cast, monkeypatch, step):
    present = request_context.begin(RequestContext(deadline=time.monotonic() + 60))
    name, _, method = step.partition(".")
    owner = getattr(intake, name) if method else intake
    original = getattr(owner, method or name)

    def slow(*arguments):
        present.deadline = time.monotonic() - 1
        return original(*arguments)

    monkeypatch.setattr(owner, method or name, slow)
    with pytest.raises(Refused) as refused:
        add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)]), REQUEST, context.lists)
    request_context.end()
    assert refused.value.first.reason is LoadReason.DEADLINE_EXCEEDED
    with context.database.read() as snapshot:
        assert snapshot.execute(text("SELECT count(*) FROM cdr")).scalar() == 0


def test_a_statement_of_sqlite_that_runs_on_is_interrupted(context):
    if not context.database.is_sqlite:
        pytest.skip("PostgreSQL has its own time limit for statements")
    request_context.begin(RequestContext(deadline=time.monotonic() + 0.2))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    began = time.monotonic()
    with pytest.raises(Refused) as refused, context.database.write() as transaction:
        transaction.execute(text(endless))
    request_context.end()
    assert refused.value.first.reason is LoadReason.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 30
    with context.database.write() as transaction:
        assert transaction.execute(text("SELECT 1")).scalar() == 1


def test_the_answer_says_so_in_the_operations_own_response_and_the_same_again_is_safe(app, cast, monkeypatch):
    caller = Caller(app, "tnm")
    with monkeypatch.context() as slow:
        slow.setattr(deadline, "passed", lambda: True)
        assert caller.upload("AddCDRs", cdr(1)).reason == "DEADLINE_EXCEEDED"
    assert caller.upload("AddCDRs", cdr(1)).code == 0
