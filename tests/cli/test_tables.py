"""What listing commands print at 80 and at 120 columns, and in a pipe: ids, times and names of fields stay whole."""

import io
import json
import re
import unicodedata

import pytest

from cast import add_cdrs, cdr, enrol
from echs import cli
from echs.base.ids import new_request_id
from echs.clearing import run
from echs.cli import output
from echs.cli.tables import terminal_width
from echs.protocols.ochp02.wire_schema import CDR_INFO
from wire import envelope, record_xml

LONG_ID = "GreenFlux-09-0001942-0000000000001"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")


@pytest.fixture
def echs(environment, monkeypatch, capsys, tmp_path):
    """Run one command line at a width: exit code, standard output."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, columns=None):
        if columns is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(columns))
        code = cli.execute(list(arguments))
        return code, capsys.readouterr().out

    return run


def everything(context):
    """Held, pending and cleared CDRs with warnings, a run, and entries in the audit trail."""
    cast = enrol(context)
    add_cdrs(context, cast.tnm, iter([cdr(1, volume="0"), cdr(LONG_ID)]), new_request_id(), context.lists)
    run.clear(context, "office", new_request_id())
    add_cdrs(context, cast.tnm, iter([cdr(3, provider_id="Nobody")]), new_request_id(), context.lists)


FILLS = {"busy": everything}


@pytest.fixture
def busy(context):
    return context


def strings(value):
    if isinstance(value, dict):
        return [each for item in value.values() for each in strings(item)]
    if isinstance(value, list):
        return [each for item in value for each in strings(item)]
    return [value] if isinstance(value, str) else []


# Command, and the names in its JSON of what must be found whole in its table.
LISTINGS = {
    ("cdr", "list"): ("cdr_id", "operator_id", "provider_id", "started_at", "received_at"),
    ("cdr", "list", "--warnings"): ("cdr_id", "operator_id", "provider_id", "started_at"),
    ("audit", "list"): ("actor", "action", "at", "result"),
    ("audit", "list", "--wide"): ("actor", "action", "at", "result", "request_id"),
    ("partner", "list"): ("user_id", "timezone", "operator_ids", "provider_ids"),
    ("run", "list"): ("cleared_at", "cleared_by"),
    ("run", "show", "1"): ("request_id", "user_id", "operator_id", "provider_id", "cleared_at", "first_started_at"),
    ("list", "show"): ("user_id",),
    ("doctor",): ("subject",),
    ("verify",): ("name",),
    ("cdr", "show", LONG_ID): ("request_id", "cdr_id", "started_at"),
}


def named(value, names):
    """What stands under these names, at whatever depth."""
    found = []
    if isinstance(value, dict):
        for name, item in value.items():
            found += strings(item) if name in names else named(item, names)
    elif isinstance(value, list):
        found += [each for item in value for each in named(item, names)]
    return found


def as_shown(text):
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)$", r"\1 \2Z", text)


@pytest.mark.parametrize("columns", [80, 120, None])
@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_no_id_time_or_name_is_broken_over_lines(echs, busy, command, columns):
    _, text = echs(*command, "--json")
    wanted = [as_shown(each) for each in named(json.loads(text), LISTINGS[command])]
    assert wanted or command == ("list", "show")
    _, out = echs(*command, columns=columns)
    lines = out.splitlines()
    for each in wanted:
        assert any(each in line for line in lines), f"{each} is broken:\n{out}"
    # Only a word that is nearly as long as the line makes it longer: it can be copied whole.
    assert [each for each in lines if len(each) > (columns or 1000) > max(map(len, each.split())) + 30] == []
    # A date never stands without its time; `cdr show` has texts as they were received.
    dated = [line for line in lines if re.search(r"\d{4}-\d\d-\d\d\b(?!T)", line) and "│" in line]
    assert command[:2] == ("cdr", "show") or all(TIME.search(line) for line in dated)


@pytest.mark.parametrize("columns", [80, 120, None])
def test_validate_keeps_the_names_of_fields_and_records_whole(echs, tmp_path, columns):
    wrong = cdr(LONG_ID, start_datetime="2014-02-30 10:16:38", volume="4.64001")
    file = tmp_path / "upload.xml"
    file.write_bytes(envelope(f"<n:AddCDRsRequest>{record_xml(CDR_INFO, wrong)}</n:AddCDRsRequest>"))
    code, out = echs("validate", str(file), columns=columns)
    assert code == 1
    for name in ("startDatetime", "CDR_START_FORMAT"):
        assert any(name in line for line in out.splitlines()), out
    assert columns is None or max(map(len, out.splitlines())) <= max(columns, len(str(file)) + 60)


def test_a_row_that_is_too_wide_for_a_table_is_stacked_and_loses_nothing(echs, busy):
    _, out = echs("cdr", "list", columns=80)
    assert "│" not in out
    assert f"\n{LONG_ID}\n" in out
    assert "  operator: TheNewMotion  " in out
    assert "received: " in out
    _, wide = echs("cdr", "list", columns=160)
    assert "│" in wide


def test_a_pipe_without_a_terminal_has_one_line_for_each_row(echs, busy):
    _, out = echs("audit", "list", "--wide")
    rows = [line for line in out.splitlines() if TIME.search(line)]
    assert len(rows) == len(json.loads(echs("audit", "list", "--wide", "--json")[1]))
    assert len({len(line) for line in out.splitlines()[1:]}) == 1


def test_a_pipe_has_the_width_of_the_terminal_that_reads_it(monkeypatch):
    import os
    import pty
    import sys
    import termios

    monkeypatch.delenv("COLUMNS", raising=False)
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 91))
    with os.fdopen(follower, "w") as terminal, open(os.devnull) as none:
        monkeypatch.setattr(sys, "__stdout__", none)
        monkeypatch.setattr(sys, "__stderr__", terminal)
        assert terminal_width() == 91
    os.close(leader)


def test_the_words_of_prose_are_wrapped_and_those_longer_than_the_room_stay_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    path = "/var/lib/" + "x" * 80
    output.print_table(
        "Things", ("id", "what"), [("A-1", f"it is found in {path} since 2026-01-02 03:04:05Z, they say")]
    )
    out = capsys.readouterr().out
    assert path in out
    assert "2026-01-02 03:04:05Z," in out
    output.print_facts(
        "Facts", [("path", path), ("what", "a sentence of some words that goes on for longer than there is room")]
    )
    assert path in capsys.readouterr().out


def test_json_shows_what_is_invisible_and_leaves_letters_as_they_are(capsys):
    hidden = "\u202e\u200b\ufeff\U000e0001\x7f\u2066\xad"
    output.print_json({"id": f"Łódź{hidden}"})
    out = capsys.readouterr().out
    assert "Łódź" in out
    assert not any(unicodedata.category(each) in ("Cf", "Cc") for each in out.replace("\n", ""))
    assert json.load(io.StringIO(out)) == {"id": f"Łódź{hidden}"}


def test_every_format_character_of_unicode_is_escaped_in_json():
    found = [chr(code) for code in range(0x80, 0x110000) if unicodedata.category(chr(code)) in ("Cf", "Cc", "Zl", "Zp")]
    assert [f"U+{ord(each):04X}" for each in found if not output.INVISIBLE.match(each)] == []
