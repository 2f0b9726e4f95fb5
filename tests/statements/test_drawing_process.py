"""Large statements are drawn in a process of their own: same bytes, no memory of the server's, ended in time, bounded."""

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from cast import add_cdrs, cdr
from echs.clearing import drawing_process, run, statement_builder
from echs.clearing.drawing_process import DrawingFailed
from echs.partners import enrolment, queries
from echs.partners.enrolment import Ownership
from echs.serving.application import create_application
from echs.statements import statement_cache as shelf_module
from echs.statements.statement_cache import DrawingBusy, StatementCache
from wire import request

_requests = iter(f"{number:026d}" for number in range(10**6))


def cleared(context, cast, count):
    add_cdrs(context, cast.tnm, iter([cdr(number) for number in range(count)]), next(_requests), context.lists)
    run.clear(context, "test", next(_requests))


def copied(context, count):
    """Copies of the first CDR, made by the store."""
    with context.database.write() as transaction:
        names = [row[1] for row in transaction.exec_driver_sql("PRAGMA table_info(cdr)")]
        same = ", ".join(name for name in names if name not in ("id", "cdr_id"))
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {999 + count})"
        transaction.exec_driver_sql(
            f"{numbers} INSERT INTO cdr (id, cdr_id, {same}) SELECT i, 'c' || i, {same} FROM n, cdr WHERE cdr.id = 1"
        )
        transaction.exec_driver_sql("INSERT INTO cdr_uncleared SELECT id, provider_key FROM cdr WHERE id >= 1000")
    run.clear(context, "test", next(_requests))


def memory_mib(process="self", which="VmRSS:") -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(which)[2].split()[0]) / 1024


def link_of(context, partner):
    url = context.statement_url(partner, [1], [(1, 1)])
    return url.removeprefix(context.public_url)


def test_a_process_of_its_own_draws_the_same_bytes(context, cast, monkeypatch, tmp_path):
    cleared(context, cast, 3)
    here = statement_builder.open_served(
        context, StatementCache(tmp_path / "here"), cast.anwb.id, [1], "pdf"
    ).file.read()
    monkeypatch.setattr(drawing_process, "LINES", 1)
    drawn = statement_builder.open_served(context, StatementCache(tmp_path / "there"), cast.anwb.id, [1], "pdf")
    assert drawn.file.read() == here
    assert drawn.name == "statement-1-anwb.pdf"
    (kept,) = (tmp_path / "there").iterdir()
    assert kept.read_bytes() == here


@pytest.fixture
def peak(monkeypatch):
    """The highest memory of the process that draws, in MiB, while it lives."""
    highest = [0.0]
    original = drawing_process.subprocess.Popen

    def watched(process):
        while process.poll() is None:
            try:
                highest[0] = max(highest[0], memory_mib(process.pid, "VmHWM:"))
            except (OSError, IndexError):
                return
            time.sleep(0.01)

    def starting(command, **how):
        process = original(command, **how)
        threading.Thread(target=watched, args=(process,)).start()
        return process

    monkeypatch.setattr(drawing_process.subprocess, "Popen", starting)
    return highest


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_twenty_thousand_lines_cost_the_server_no_memory_and_their_own_process_little(context, cast, peak):
    cleared(context, cast, 1)
    copied(context, 20_000)
    app = create_application(context)
    url = context.statement_url(cast.anwb, [2], [(2, 2)]).removeprefix(context.public_url)
    request(app, b"", method="GET", path="/livez", content_type=None)
    before = memory_mib()
    answer = request(app, b"", method="GET", path=url, content_type=None)
    grown = memory_mib() - before - 2 * len(answer.body) / 2**20  # the test itself holds the answer
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == 'inline; filename="statement-2-anwb.pdf"'
    assert len(PdfReader(io.BytesIO(answer.body)).pages) > 400
    assert grown < 20
    assert 40 < peak[0] < 150


def test_a_drawing_that_takes_too_long_is_ended_and_the_next_one_may_try(context, cast, monkeypatch):
    cleared(context, cast, 3)
    monkeypatch.setattr(drawing_process, "LINES", 1)
    slow = replace(context, limits=replace(context.limits, statement_seconds=0))
    began = time.monotonic()
    with pytest.raises(DrawingFailed, match="within 0 s"):
        statement_builder.open_served(slow, context.statement_cache, cast.anwb.id, [1], "csv")
    assert time.monotonic() - began < 20
    assert (
        statement_builder.open_served(context, context.statement_cache, cast.anwb.id, [1], "csv")
        .file.read()
        .count(b"\r\n")
        == 4
    )


def test_a_drawing_that_fails_is_told_in_the_log_and_answered_with_again_later(context, cast, monkeypatch, caplog):
    cleared(context, cast, 3)
    monkeypatch.setattr(drawing_process, "LINES", 1)
    monkeypatch.setattr(drawing_process.sys, "executable", "/bin/false")
    answer = request(
        create_application(context), b"", method="GET", path=link_of(context, cast.anwb), content_type=None
    )
    assert answer.status == 503
    assert "a statement could not be drawn" in caplog.text
    assert not list(context.statement_cache.directory.glob("*.pdf"))


def test_no_password_of_the_store_is_an_argument_of_the_process(context, cast, monkeypatch):
    cleared(context, cast, 3)
    seen = []
    original = drawing_process.subprocess.Popen

    def noting(command, **how):
        seen.append((command, how))
        return original(command, **how)

    monkeypatch.setattr(drawing_process, "LINES", 1)
    monkeypatch.setattr(drawing_process.subprocess, "Popen", noting)
    statement_builder.open_served(context, context.statement_cache, cast.anwb.id, [1], "csv").file.close()
    ((command, how),) = seen
    assert command[1:] == ["-P", "-m", "echs.clearing.drawing_process"]
    assert "env" not in how


class Drawings:
    """Drawings that wait until they are let go, and how many there were at once."""

    def __init__(self):
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = self.all = 0

    def __call__(self, file):
        with self.lock:
            self.now += 1
            self.all += 1
            self.most = max(self.most, self.now)
        assert self.go.wait(30)
        file.write(b"drawn")
        with self.lock:
            self.now -= 1


def test_two_are_drawn_at_once_a_few_wait_and_the_rest_is_told_to_come_back(tmp_path):
    statement_cache, drawings = StatementCache(tmp_path), Drawings()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(statement_cache.open_apart, f"{number}.pdf", drawings) for number in range(10)]
        deadline = time.monotonic() + 20
        while sum(each.done() for each in asked) < 10 - shelf_module.APART - shelf_module.WAITING:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        drawings.go.set()
    refused = [each for each in asked if isinstance(each.exception(), DrawingBusy)]
    assert len(refused) == 10 - shelf_module.APART - shelf_module.WAITING
    assert {each.result().read() for each in asked if each not in refused} == {b"drawn"}
    assert drawings.most == shelf_module.APART


def test_who_wants_the_same_waits_for_the_one_drawing(tmp_path):
    statement_cache, drawings = StatementCache(tmp_path), Drawings()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(statement_cache.open_apart, "same.pdf", drawings) for _ in range(4)]
        time.sleep(0.2)
        drawings.go.set()
        assert {each.result().read() for each in asked} == {b"drawn"}
    assert drawings.all == 1


def test_who_waits_too_long_is_told_to_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf_module, "WAIT_SECONDS", 0.05)
    statement_cache, drawings = StatementCache(tmp_path), Drawings()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(statement_cache.open_apart, "same.pdf", drawings)
        while not drawings.all:
            time.sleep(0.01)
        with pytest.raises(DrawingBusy):
            statement_cache.open_apart("same.pdf", drawings)
        drawings.go.set()
        assert first.result().read() == b"drawn"


def test_a_busy_server_says_when_to_come_back(context, cast, monkeypatch):
    cleared(context, cast, 3)

    def busy(*_):
        raise DrawingBusy

    monkeypatch.setattr(drawing_process, "LINES", 1)
    monkeypatch.setattr(StatementCache, "open_apart", busy)
    answer = request(
        create_application(context), b"", method="GET", path=link_of(context, cast.anwb), content_type=None
    )
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")


def test_a_link_that_has_ended_says_so_and_where_to_get_a_new_one(context, cast, clock):
    cleared(context, cast, 1)
    link, app = link_of(context, cast.anwb), create_application(context)
    clock.turn(days=40)
    answer = request(app, b"", method="GET", path=link, content_type=None)
    assert (answer.status, b"GetCDRs gives a new one" in answer.body) == (410, True)
    forged = link.replace("/statements/", "/statements/1")
    assert request(app, b"", method="GET", path=forged, content_type=None).status == 404


def test_a_user_id_of_any_letters_makes_a_file_name_that_every_system_takes(context, cast):

    enrolment.add_partner(context, 'Łódź "1"/é', "Łódź", "a password", Ownership(["Lodz"], ["Lodz"]))
    add_cdrs(context, cast.tnm, iter([cdr(1, provider_id="Lodz")]), next(_requests), context.lists)
    run.clear(context, "test", next(_requests))

    partner = queries.partner_of_user(context, 'Łódź "1"/é')
    link = link_of(context, partner)
    assert link.endswith("/statement-1-__d___1___.pdf")
    answer = request(create_application(context), b"", method="GET", path=link, content_type=None)
    assert answer.headers["Content-Disposition"] == (
        'inline; filename="statement-1-__d___1___.pdf"; '
        "filename*=UTF-8''statement-1-%C5%81%C3%B3d%C5%BA%20%221%22%2F%C3%A9.pdf"
    )
