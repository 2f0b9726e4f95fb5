"""Lines of the log: one short line for people, JSON for machines, one form of time in both."""

import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from echs.partners.login import LoginReason, note_refused
from echs.serving import logs
from programs import need

REQUEST = {
    "request_id": "01M88ZJ2Y0Q3N5T7V9X1Z3B5D7",
    "origin": "192.0.2.7",
    "actor": "tnm",
    "channel": "soap-1.2",
    "method": "POST",
    "path": "/ochp/0.2",
    "operation": "add_cdrs",
    "result": "CDR_VOLUME_FORMAT",
    "status": 200,
    "received_bytes": 1234,
    "sent_bytes": 567,
    "ms": 9.2,
}
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def written(monkeypatch):
    """What is written to standard error, in the form asked for; the root logger is put back afterwards."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def begin(form, stream=None):
        stream = stream or io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure("info", form)
        return stream

    yield begin
    root.handlers[:] = kept
    root.setLevel(level)


def request(**changed):
    logging.getLogger("echs.serving.request_middleware").info("request", extra={"line": {**REQUEST, **changed}})


def test_a_request_is_one_short_line_for_people_and_names_each_thing_once(written):
    out = written("text")
    request()
    request(actor="", operation="other", method="GET", path="(other)", result="404", status=404, ms=0.3)
    first, second = out.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ tnm add_cdrs CDR_VOLUME_FORMAT 9 ms 01M88ZJ2Y0Q3N5T7V9X1Z3B5D7", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ - GET \(other\) 404 0 ms 01M88ZJ2Y0Q3N5T7V9X1Z3B5D7", second)


def test_a_request_is_one_line_of_json_for_machines_with_numbers_as_numbers(written):
    out = written("json")
    request()
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert re.fullmatch(INSTANT, line.pop("timestamp"))
    assert line == {"event": "request", "level": "info", "logger": "echs.serving.request_middleware", **REQUEST}
    assert (line["status"], line["ms"]) == (200, 9.2)


def test_every_line_of_json_has_the_same_form_of_time(written):
    out = written("json")
    request()
    logging.getLogger("echs.cli.serve").warning("said", extra={"more": 1})
    request_line, event = map(json.loads, out.getvalue().splitlines())
    assert re.fullmatch(INSTANT, request_line["timestamp"])
    assert re.fullmatch(INSTANT, event["timestamp"])
    assert (event["event"], event["level"], event["more"]) == ("said", "warning", 1)


def test_an_event_for_people_has_its_level_only_where_that_is_worth_a_look(written):
    out = written("text")
    logging.getLogger("gunicorn.error").info("Booting worker with pid: %s", 7)
    logging.getLogger("echs").warning("two\nlines", extra={"volume": "data"})
    quiet, loud = out.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ Booting worker with pid: 7", quiet)
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ warning two.*lines volume=data", loud)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_is_kept_in_both_forms(written, form):
    out = written(form)
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("echs").exception("failed")
    assert "ValueError: wrong" in out.getvalue()
    assert "failed" in out.getvalue().splitlines()[0]


def test_colours_are_for_terminals_only(written, monkeypatch):
    out = written("text")
    request()
    assert "\x1b" not in out.getvalue()
    terminal = written("auto", Terminal())
    request()
    assert "\x1b[33mCDR_VOLUME_FORMAT\x1b[0m" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = written("auto", Terminal())
    request()
    assert "tnm add_cdrs CDR_VOLUME_FORMAT" in plain.getvalue()
    assert "\x1b" not in plain.getvalue()


def test_the_recipes_of_the_docs_find_what_they_say(written):
    out = written("json")
    request()
    request(operation="authenticate", result="LOGIN_REFUSED", actor="")
    request(operation="wsdl", result="200", actor="")
    note_refused(LoginReason.LOGIN_REFUSED, "tnm")
    logging.getLogger("echs").info("an event")
    lines = "not json\n" + out.getvalue()
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    recipes = re.findall(r"jq (-\w+) '(fromjson\?[^']*)'", page)
    found = []
    for options, program in recipes:
        done = subprocess.run(
            [need("jq", "jq"), options, program], input=lines, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.count("\n") if options != "-R" else done.stdout.count('"event"'))
    assert found == [2, 1, 3, 1, 3]
