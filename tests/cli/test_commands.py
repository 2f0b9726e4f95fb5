"""The administrator's command, run in this process on each store."""

import gzip
import io
import json
import os
import re
import socket
from pathlib import Path

import pytest

from cast import FIELD_CDR, PASSWORDS, add_cdrs, cdr, set_tokens, token
from echs import cli
from echs.base.ids import new_request_id
from echs.partners.login import log_in
from echs.protocols.ochp02.wire_schema import CDR_INFO
from wire import envelope, record_xml


def parsed(run, *arguments: str):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def add(context, sender, *records):
    return add_cdrs(context, sender, iter(records), new_request_id(), context.lists)


def test_help_names_every_command_and_each_command_helps(echs):
    code, out, _ = echs("--help")
    assert code == 0
    for command in cli.COMMANDS:
        assert re.search(rf"^  {command} ", out, re.MULTILINE)
        assert echs(command, "--help")[0] == 0


@pytest.mark.parametrize("arguments", [["nonsense"], ["partner"], ["partner", "add"], ["run", "show", "x"], ["--x"]])
def test_wrong_usage_is_exit_2(echs, arguments):
    assert echs(*arguments)[0] == 2


def test_a_partner_is_enrolled_with_a_password_that_is_shown_once(echs, context):
    code, out, _ = echs("partner", "add", "new", "--name", "Łódź & Co", "--operator", "A", "--hub", "7")
    assert code == 0
    password = re.search(r"Password \(shown this once\): (\S{20})", out)[1]
    assert log_in(context, "new", password)
    shown = parsed(echs, "partner", "show", "NEW")
    assert (shown["name"], shown["operator_ids"], shown["hubs"]) == ("Łódź & Co", ["A"], [7])
    assert password not in json.dumps(shown)


def test_a_navigation_provider_is_enrolled_and_may_become_an_administrator_too(echs, context):
    assert parsed(echs, "partner", "add", "maps", "--name", "Maps", "--navigation")["groups"] == ["navigation"]
    both = parsed(echs, "partner", "change", "maps", "--administrator")
    assert both["groups"] == ["administrator", "navigation"]
    # What is so already is no error.
    assert parsed(echs, "partner", "change", "maps", "--navigation", "--no-administrator")["groups"] == ["navigation"]
    assert parsed(echs, "partner", "change", "maps", "--no-navigation")["groups"] == []


def test_a_password_comes_from_a_file_or_from_standard_input(echs, context, tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("from the file\nand more\n")
    code, out, _ = echs("partner", "add", "one", "--name", "One", "--password-file", str(file))
    assert (code, "from the file" in out) == (0, False)
    assert log_in(context, "one", "from the file")
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("from the pipe\n"))
    assert echs("partner", "passwd", "one", "--password-file", "-")[0] == 0
    assert log_in(context, "one", "from the pipe")
    assert echs("partner", "passwd", "one", "--password-file", str(tmp_path / "none"))[0] == 2


def test_a_made_password_can_be_read_by_a_program(echs, context, cast):
    made = parsed(echs, "partner", "passwd", "tnm")
    assert log_in(context, "tnm", made["password"])


def test_partners_are_listed_for_people_and_for_programs(echs, cast):
    code, out, _ = echs("partner", "list")
    assert code == 0
    assert "ladenetz.de Köln, Łódź" in out
    assert [partner["user_id"] for partner in parsed(echs, "partner", "list")] == ["tnm", "lnd", "anwb", "office"]


def test_exit_codes_tell_not_found_from_conflict_from_wrong(echs, cast):
    assert echs("partner", "show", "nobody")[0] == 3
    assert echs("partner", "own", "anwb", "--operator", "TheNewMotion")[0] == 4
    assert echs("partner", "add", "tnm", "--name", "x")[0] == 4
    assert echs("partner", "add", "x", "--name", "x", "--timezone", "Nowhere")[0] == 2
    assert echs("partner", "own", "anwb")[0] == 2
    assert echs("partner", "own", "anwb", "--operator", "x", "--remove")[0] == 3
    _, _, err = echs("partner", "show", "nobody")
    assert err == 'echs: there is no partner "nobody"; see: echs partner list\n'


def test_ids_are_given_and_taken_and_partners_disabled_and_enabled(echs, cast):
    assert parsed(echs, "partner", "own", "anwb", "--operator", "X", "--hub", "9")["operator_ids"] == ["X"]
    assert parsed(echs, "partner", "own", "anwb", "--operator", "x", "--remove")["operator_ids"] == []
    assert parsed(echs, "partner", "disable", "anwb")["active"] is False
    assert parsed(echs, "partner", "enable", "anwb")["active"] is True
    assert parsed(echs, "partner", "change", "anwb", "--administrator")["groups"] == ["administrator"]
    assert echs("partner", "change", "anwb")[0] == 2


def test_cdrs_are_listed_by_state_and_run_without_card_numbers(echs, context, cast):
    add(context, cast.tnm, cdr(1, token_id="CANARY"), cdr(2, provider_id="Nobody"))
    assert [each["cdr_id"] for each in parsed(echs, "cdr", "list", "--status", "held")] == ["2"]
    code, out, err = echs("cdr", "list", "--limit", "1")
    assert (code, "only the first 1 are shown" in err) == (0, True)
    assert "4.6400" in out
    assert "CANARY" not in out + json.dumps(parsed(echs, "cdr", "list"))
    assert echs("cdr", "list", "--status", "gone")[0] == 2


def test_a_cdr_is_shown_with_its_warnings_and_without_its_card_number(echs, context, cast):
    add(context, cast.tnm, cdr(1, token_id="CANARY", volume="0"))
    code, out, _ = echs("cdr", "show", "1")
    assert code == 0
    for expected in ("VOLUME_ZERO", "CDR_OLD", "Roggestraat 111-163", "pending", "(not shown)"):
        assert expected in out
    whole = parsed(echs, "cdr", "show", "1")
    assert "CANARY" not in out + json.dumps(whole)
    assert (whole["record"]["chargePointCity"], whole["listed"]["status"]) == ("Apeldoorn", "pending")
    assert "endDatetime" not in [warned["field"] for warned in whole["listed"]["warnings"]]
    assert "startDatetime" in [warned["field"] for warned in whole["listed"]["warnings"]]
    code, out, _ = echs("cdr", "list", "--warnings")
    assert (code, "VOLUME_ZERO" in out) == (0, True)
    (listed,) = parsed(echs, "cdr", "list", "--warnings")
    assert {"name": "VOLUME_ZERO", "field": "volume", "detail": "no energy was charged"} in listed["warnings"]
    _, _, err = echs("clear", "--dry-run")
    assert "with warnings: 1 CDR" in err
    assert echs("cdr", "show", "2")[0] == 3
    add(context, cast.lnd, cdr(1, operator_id="ladenetz.de"))
    code, _, err = echs("cdr", "show", "1")
    assert (code, "--operator" in err) == (2, True)
    assert echs("cdr", "show", "1", "--operator", "ladenetz.de")[0] == 0


def test_clearing_is_previewed_confirmed_and_shown(echs, context, cast):
    code, out, _ = echs("clear", "--dry-run")
    assert (code, "Pending: 0 CDRs: none" in out) == (0, True)
    assert echs("clear", "--yes")[2].startswith("no CDRs are pending")
    add(context, cast.tnm, FIELD_CDR, cdr(2, provider_id="ladenetz.de"), cdr(3, provider_id="Nobody"))
    assert 'held: 1 CDR for provider id "Nobody"' in echs("clear", "--dry-run")[2]
    assert [pair["cdr_count"] for pair in parsed(echs, "clear", "--dry-run")["pairs"]] == [1, 1]
    code, _, err = echs("clear")
    assert (code, "--yes" in err) == (2, True)
    assert parsed(echs, "run", "list") == []
    made = parsed(echs, "clear", "--yes")
    assert (made["run"]["number"], made["run"]["cdr_count"], made["run"]["cleared_by"]) == (1, 2, "command line")
    assert len(list(context.statement_cache.directory.iterdir())) == 6
    assert [run["number"] for run in parsed(echs, "run", "list")] == [1]
    code, out, _ = echs("run", "show", "1")
    assert code == 0
    assert "9.2800" in out
    assert "not yet" in out
    assert echs("run", "show", "2")[0] == 3
    assert [each["run_number"] for each in parsed(echs, "cdr", "list", "--run", "1")] == [1, 1]


def test_a_statement_is_drawn_to_files_for_their_owner_alone(echs, context, cast, tmp_path):
    add(context, cast.tnm, FIELD_CDR)
    echs("clear", "--yes")
    assert echs("statement", "draw", "1", "ANWB")[0] == 0
    assert (tmp_path / "statement-1-anwb.pdf").read_bytes().startswith(b"%PDF")
    assert FIELD_CDR.cdr_id in (tmp_path / "statement-1-anwb.csv").read_text()
    (tmp_path / "statement-1-anwb.csv").chmod(0o644)
    assert echs("statement", "draw", "1", "anwb", "--csv-form", "excel")[0] == 0
    assert ";4,6400;" in (tmp_path / "statement-1-anwb.excel.csv").read_text()
    assert echs("statement", "draw", "1", "tnm", "--csv", str(tmp_path / "t.csv"))[0] == 0
    drawn = [path for path in tmp_path.iterdir() if path.suffix in (".pdf", ".csv")]
    assert {path.name for path in drawn} == {
        "statement-1-anwb.pdf",
        "statement-1-anwb.csv",
        "statement-1-anwb.excel.csv",
        "t.csv",
    }
    echs("statement", "draw", "1", "anwb")
    assert {path.stat().st_mode & 0o777 for path in drawn} == {0o600}
    assert echs("statement", "draw", "1", "office")[0] == 3
    assert echs("statement", "draw", "9", "tnm")[0] == 3
    code, _, err = echs("statement", "draw", "1", "tnm", "--pdf", str(tmp_path / "none" / "t.pdf"))
    assert (code, "cannot be written" in err) == (1, True)


def test_what_statements_print_of_a_partner_is_given_changed_and_taken_away(echs, context):
    where = ("--address", "Kabelweg 50", "--address", "1014 BB Amsterdam")
    added = parsed(echs, "partner", "add", "new", "--name", "New", *where, "--vat-id", "NL1B01")
    assert (added["address"], added["vat_id"]) == (["Kabelweg 50", "1014 BB Amsterdam"], "NL1B01")
    assert parsed(echs, "partner", "change", "new", "--address", "Elsewhere 1")["address"] == ["Elsewhere 1"]
    changed = parsed(echs, "partner", "change", "new", "--vat-id", "")
    assert (changed["address"], changed["vat_id"]) == (["Elsewhere 1"], "")
    assert parsed(echs, "partner", "change", "new", "--address", "")["address"] == []
    assert echs("partner", "change", "new", *(("--address", "x") * 9))[0] == 2
    assert echs("partner", "change", "new", "--address", "two\nlines")[0] == 2
    entries = parsed(echs, "audit", "list", "--action", "partner.change")
    assert "Elsewhere 1" in [json.loads(entry["detail"]).get("address") for entry in entries]


def test_a_partner_that_reads_pins_as_numbers_is_marked_as_such_and_again_not(echs, context):
    assert parsed(echs, "partner", "add", "new", "--name", "New")["numeric_pins"] is False
    assert parsed(echs, "partner", "add", "old", "--name", "Old", "--numeric-pins")["numeric_pins"] is True
    assert parsed(echs, "partner", "change", "new", "--numeric-pins")["numeric_pins"] is True
    assert parsed(echs, "partner", "change", "new", "--name", "Newer")["numeric_pins"] is True
    assert parsed(echs, "partner", "change", "new", "--text-pins")["numeric_pins"] is False
    entries = parsed(echs, "audit", "list", "--action", "partner.change")
    assert [json.loads(entry["detail"]).get("numeric_pins") for entry in entries] == [True, None, False]
    assert echs("partner", "change", "new")[0] == 2
    assert echs("verify")[0] == 0


def test_lists_are_shown_with_their_size_and_time(echs, context, cast):
    set_tokens(context, cast.tnm, [token(1), token(2)])
    shown = {each["user_id"]: each for each in parsed(echs, "list", "show")}
    assert shown["tnm"]["roaming_list"]["records"] == 2
    assert shown["tnm"]["chargepoint_list"] is None
    assert "2026-11-21 12:00:00" in echs("list", "show")[1]


def test_the_store_is_upgraded_and_its_version_shown(echs, context):
    assert "already" in echs("db", "upgrade")[2]
    shown = parsed(echs, "db", "current")
    assert shown["version"] == shown["needed"]


def test_a_store_without_tables_says_what_to_do(echs, monkeypatch, tmp_path):
    monkeypatch.setenv("ECHS_DATABASE_URL", f"sqlite:///{tmp_path / 'fresh.sqlite3'}")
    code, _, err = echs("partner", "list")
    assert (code, "echs db upgrade" in err) == (5, True)
    assert echs("db", "current")[0] == 1
    assert echs("db", "upgrade")[0] == 0
    assert echs("partner", "list")[0] == 0


def test_looking_makes_no_store(echs, monkeypatch, tmp_path):
    monkeypatch.delenv("ECHS_DATABASE_URL")
    monkeypatch.setenv("ECHS_DATA_DIR", str(tmp_path / "elsewhere"))
    code, _, err = echs("partner", "list")
    assert code == 5
    assert f"there is no store at {tmp_path}/elsewhere/echs.sqlite3" in err
    assert not (tmp_path / "elsewhere").exists()


def test_a_store_that_is_away_is_exit_5(echs, monkeypatch):
    monkeypatch.setenv("ECHS_DATABASE_URL", "postgresql://echs:canary@127.0.0.1:1/none")
    code, out, err = echs("partner", "list")
    assert (code, "canary" in out + err) == (5, False)


def test_a_bad_configuration_is_exit_2_with_every_error(echs, monkeypatch):
    monkeypatch.setenv("ECHS_PUBLIC_URL", "nonsense")
    monkeypatch.setenv("ECHS_NO_SUCH_THING", "1")
    code, _, err = echs("partner", "list")
    assert (code, len(err.strip().split("\n"))) == (2, 2)


def test_no_markup_and_no_escape_of_a_name_reaches_the_terminal(echs, context, cast):
    code, out, _ = echs("partner", "change", "anwb", "--name", "[red]ANWB[/red]")
    assert (code, "[red]ANWB[/red]" in out) == (0, True)
    assert echs("partner", "change", "anwb", "--name", "a\x1b[31m")[0] == 2


def test_the_passwords_of_the_cast_work(context, cast):
    assert all(log_in(context, user_id, password) for user_id, password in PASSWORDS.items())


def test_serve_refuses_a_wrong_address_and_a_store_that_is_not_ready(echs, monkeypatch, tmp_path):
    assert echs("serve", "--bind", "nonsense")[0] == 2
    assert echs("serve", "--bind", "127.0.0.1:99999")[0] == 2
    assert echs("serve", "--bind", "8080")[0] == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = echs("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
        assert (code, "cannot listen" in err) == (1, True)
    monkeypatch.setenv("ECHS_DATABASE_URL", "postgresql://echs@127.0.0.1:1/none")
    assert echs("serve", "--bind", "127.0.0.1:0")[0] == 5


def test_uploads_are_checked_without_a_server_and_without_a_store(echs, tmp_path, monkeypatch):
    body = tmp_path / "cdrs.xml"
    xml = record_xml(CDR_INFO, cdr(1, volume="x")) + record_xml(CDR_INFO, cdr(2, country="Holland"))
    body.write_bytes(envelope(f"<n:AddCDRsRequest>{xml}</n:AddCDRsRequest>"))
    for name in ("ECHS_DATABASE_URL", "ECHS_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere") if name == "ECHS_DATA_DIR" else "sqlite:////nowhere/x")
    code, out, err = echs("validate", str(body))
    assert code == 1
    assert "2 records: 1 problem, 2 warnings" in " ".join(out.split())
    for expected in ("CDR_VOLUME_FORMAT", "COUNTRY_UNKNOWN", "cdrId 1", "volume", "reject"):
        assert expected in out
    assert "--operator" in err
    code, out, err = echs("validate", "--limit", "1", str(body))
    assert (code, "2 more are not shown" in err) == (1, True)
    code, out, err = echs("validate", "--json", "--operator", "TheNewMotion", str(body))
    (found,) = json.loads(out)
    assert (code, found["problems"], found["warnings"], err) == (1, 1, 2, "")
    assert {"position": 0, "name": "CDR_VOLUME_FORMAT", "place": "volume"}.items() <= next(
        remark for remark in found["remarks"] if remark["severity"] == "reject"
    ).items()
    good = tmp_path / "good.csv"
    good.write_text(
        "evseId,taLat,taLon,powerOutletStatus,energyProviderId,roamingHubId,evChargingReceptacleType\n1,2,3,4,5,6,7\n"
    )
    assert echs("validate", str(good))[0] == 0
    assert echs("validate", str(good), str(body))[0] == 1
    latin = tmp_path / "latin.csv"
    latin.write_bytes(good.read_bytes().replace(b"5", b"\xe9"))
    code, out, _ = echs("validate", str(latin))
    assert (code, "save it as UTF-8" in out) == (1, True)
    wide = tmp_path / "wide.csv"
    wide.write_bytes(good.read_text().encode("utf-16"))
    assert echs("validate", str(wide))[0] == 0
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(body.read_bytes()))
    assert echs("validate", str(packed))[0] == 1
    assert echs("validate", str(tmp_path / "none"))[0] == 2
    assert echs("validate")[0] == 2
    assert echs("validate", "--timezone", "Nowhere", str(good))[0] == 2
    assert not (tmp_path / "nowhere").exists()


def test_what_a_partner_sent_is_never_markup_nor_a_sequence_for_the_terminal(echs, context, cast, tmp_path):
    for number in ("x[/b]y", "[red]1", "right\u202eleft"):
        add(context, cast.tnm, cdr(number, city="[bold]Köln[/nothing]"))
        code, out, _ = echs("cdr", "show", number)
        assert code == 0
        assert number.replace("\u202e", "\ufffd") in out
        assert "[bold]Köln[/nothing]" in out
    (tmp_path / "x[").mkdir()
    odd = tmp_path / "x[" / "b]y.csv"
    odd.write_text("evcoId,tokenId,pin\n\x1b[31mred,a,b\n")
    code, out, _ = echs("validate", str(odd))
    assert (code, "x[/b]y.csv" in "".join(out.split()), "\x1b" in out) == (1, True, False)


def test_what_cannot_be_read_is_a_sentence(echs, monkeypatch, tmp_path):
    code, _, err = echs("validate", "-", "-")
    assert (code, "once" in err) == (2, True)
    monkeypatch.setattr("sys.stdin", None)
    code, _, err = echs("validate", "-")
    assert (code, "standard input is closed" in err) == (1, True)
    code, _, err = echs("validate", "/proc/self/mem")
    assert (code, "cannot be read" in err) == (1, True)
    assert echs("validate", "--hub", "99999", "/dev/null")[0] == 2
    late = tmp_path / "late.xml"
    late.write_bytes(b"\n" * 5000 + envelope("<n:GetCDRsRequest/>").partition(b"?>")[2])
    assert "NotAnUpload" in echs("validate", str(late))[1]


def test_the_name_of_a_file_need_not_be_utf_8(echs, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.csv")
    with open(odd, "w") as file:
        file.write("a,b\n")
    code, out, _ = echs("validate", "--json", odd)
    assert (code, json.loads(out)[0]["problems"]) == (1, 1)
    assert echs("validate", odd)[0] == 1


def test_a_disk_that_fails_is_not_taken_for_the_end_of_a_body(echs, tmp_path, monkeypatch):
    body = tmp_path / "body.xml"
    body.write_bytes(envelope("<n:AddCDRsRequest>" + "<!-- -->" * 100_000 + "</n:AddCDRsRequest>"))
    data, seen = body.read_bytes(), []

    class Failing(io.BytesIO):
        def read(self, size=-1):
            seen.append(size)
            if len(seen) > 3:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda *_: Failing(data))
    code, _, err = echs("validate", str(body))
    assert (code, "Input/output error" in err) == (1, True)
