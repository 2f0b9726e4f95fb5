"""What an operator sees of a running server: health, meters, logs; and how it leaves."""

import json
import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cast import PASSWORDS, cdr, token
from echs.clearing import run
from echs.config.app_context import system_clock
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.serving.metrics import METRICS
from echs.serving.store_metrics import GAUGES
from ochp14 import envelope14, security
from servers import Server
from wire import CDR_INFO, ROAMING_AUTHORISATION_INFO, envelope, identity, record_xml

pytestmark = pytest.mark.usefixtures("cast")


def get(server, path):
    try:
        with urlopen(server.url + path, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def call(server, body, **headers):
    headers = {"Content-Type": "application/soap+xml; charset=utf-8", **headers}
    with urlopen(Request(server.service, body, headers), timeout=40) as answer:
        return answer.headers, answer.read().decode()


def log_in(server, user_id):
    inside = f"<n:userId>{user_id}</n:userId><n:password>{PASSWORDS[user_id]}</n:password>"
    _, text = call(server, envelope(f"<n:AuthenticateRequest>{inside}</n:AuthenticateRequest>"))
    return re.search("authToken>([0-9a-f]{64})<", text)[1]


def samples(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found, name, **labels):
    wanted = set(labels.items())
    return sum(value for (each, have), value in found.items() if each == name and wanted <= set(have))


def test_a_healthy_server_lives_and_is_ready_and_says_what_it_looked_at(server):
    assert get(server, "/livez") == (200, "ok\n")
    status, text = get(server, "/readyz")
    checks = json.loads(text)["checks"]
    assert status == 200
    assert set(checks) == {"draining", "store", "store_file", "disk_data", "disk_temporary", "writable"}
    assert all(check["ok"] for check in checks.values())


def test_a_server_without_room_is_not_ready_but_lives(environment, cast, tmp_path):
    server = Server({**environment, "ECHS_MIN_FREE_BYTES": str(10**18)}, tmp_path / "server.log")
    server.start()
    try:
        status, text = get(server, "/readyz")
        assert status == 503
        assert json.loads(text)["checks"]["disk_data"]["ok"] is False
        assert get(server, "/livez")[0] == 200
    finally:
        server.stop()


def test_meters_add_up_over_all_workers(server):
    tokens = [log_in(server, "tnm") for _ in range(3)]
    for number in range(20):
        header = identity(tokens[number % 3])
        body = record_xml(CDR_INFO, cdr(number))
        call(server, envelope(f"<n:AddCDRsRequest>{body}</n:AddCDRsRequest>", header))
    body = "".join(record_xml(ROAMING_AUTHORISATION_INFO, token(each)) for each in (1, 2))
    inside = f"<n:SetRoamingAuthorisationListRequest>{body}</n:SetRoamingAuthorisationListRequest>"
    call(server, envelope(inside, identity(tokens[0])))
    deadline = time.monotonic() + 5  # a request is counted when its answer is out
    while total(samples(get(server, "/metrics")[1]), "echs_list_records_received_total") < 2:
        assert time.monotonic() < deadline
    in_flight = []
    for _ in range(8):  # whichever worker answers says the same
        found = samples(get(server, "/metrics")[1])
        assert total(found, "echs_requests_total", operation="add_cdrs", result="ok", channel="soap-1.2") == 20
        assert total(found, "echs_requests_total", operation="authenticate", result="ok") == 3
        assert total(found, "echs_request_duration_seconds_count", operation="add_cdrs") == 20
        assert total(found, "echs_cdrs_received_total", outcome="pending") == 20
        assert total(found, "echs_list_records_received_total", list="roaming") == 2
        assert total(found, "echs_received_bytes_total", operation="add_cdrs") > 20 * 500
        in_flight.append(total(found, "echs_requests_in_flight"))
    # A request counts until its last byte is out, which its client may have read a moment before.
    assert min(in_flight) == 1
    assert max(in_flight) <= 2
    deadline = time.monotonic() + 15
    while total(samples(get(server, "/metrics")[1]), "echs_cdrs_pending") != 20 and time.monotonic() < deadline:
        time.sleep(0.5)
    found = samples(get(server, "/metrics")[1])
    assert total(found, "echs_cdrs_pending") == 20
    assert total(found, "echs_list_records", list="roaming") == 2
    assert total(found, "echs_logins_open") == 3
    assert total(found, "echs_store_up") == 1


def test_every_meter_and_gauge_that_is_documented_can_be_read(server, context):
    caller = identity(log_in(server, "tnm"))
    call(
        server,
        envelope("<n:AuthenticateRequest><n:userId>tnm</n:userId><n:password>x</n:password></n:AuthenticateRequest>"),
    )
    for what, record, values in (
        ("AddCDRs", CDR_INFO, cdr(1)),
        ("SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO, token(1)),
    ):
        call(server, envelope(f"<n:{what}Request>{record_xml(record, values)}</n:{what}Request>", caller))
    newer = Request(
        server.url + PUBLISHED.service_path,
        envelope14("<o:GetRoamingAuthorisationListRequest/>", security("lnd", PASSWORDS["lnd"])),
        {"Content-Type": "text/xml"},
    )
    with urlopen(newer, timeout=40) as answer:
        assert b"resultCode" in answer.read()
    # Now that somebody speaks OCHP 1.4, what that cannot say is counted.
    with_pin = record_xml(ROAMING_AUTHORISATION_INFO, token(1, pin_mandatory=1))
    inside = f"<n:SetRoamingAuthorisationListRequest>{with_pin}</n:SetRoamingAuthorisationListRequest>"
    call(server, envelope(inside, caller))
    run.clear(replace(context, clock=system_clock), "test", "a" * 26)
    text = get(server, "/metrics")[1]
    declared = {family.name for family in text_string_to_metric_families(text)}
    # Of what never happened yet there is no number.
    missing = {f"echs_{each.name.removesuffix('_total')}" for each in (*METRICS, *GAUGES)} - declared
    assert missing <= {
        "echs_store_errors",
        "echs_certificates_first_end_timestamp_seconds",
        "echs_backup_last_timestamp_seconds",
    }


@pytest.mark.one_store
def test_every_line_of_the_log_is_json_and_a_request_is_found_by_the_id_that_its_answer_bears(server):
    headers, text = call(server, envelope("<n:GetCDRsRequest/>"))
    request_id = headers["X-Request-ID"]
    assert f"request {request_id}" in text
    deadline = time.monotonic() + 5  # a line is written when the answer is out
    while request_id not in server.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == request_id]
    assert (line["event"], line["operation"], line["result"]) == ("request", "get_cdrs", "LOGIN_TOKEN_MISSING")
    assert line["path"] == "/ochp/0.2"
    assert line["origin"] == "127.0.0.1"
    starting = [line["event"] for line in lines if line["logger"] == "gunicorn.error"]
    assert any(event.startswith("Listening at") for event in starting)


@pytest.mark.one_store
def test_the_id_of_a_request_is_ours_whatever_the_client_sends(server):
    headers, _ = call(
        server, envelope("<n:GetCDRsRequest/>"), **{"X-Request-ID": "forged", "X-Forwarded-For": "6.6.6.6"}
    )
    assert headers["X-Request-ID"] != "forged"
    assert headers.get_all("X-Request-ID") == [headers["X-Request-ID"]]
    log = server.log.read_text()
    assert "forged" not in log
    assert "6.6.6.6" not in log


@pytest.mark.one_store
def test_a_stopping_server_says_so_first_and_finishes_what_is_in_flight(environment, cast, tmp_path):
    server = Server({**environment, "ECHS_DRAIN_SECONDS": "2"}, tmp_path / "server.log")
    server.start()
    token_of_tnm = log_in(server, "tnm")
    done, failed = [], []

    def upload(first):
        records = "".join(record_xml(CDR_INFO, cdr(first + number)) for number in range(500))
        try:
            _, text = call(server, envelope(f"<n:AddCDRsRequest>{records}</n:AddCDRsRequest>", identity(token_of_tnm)))
            done.append("resultCode>0<" in text)
        except OSError as error:
            failed.append(error)

    uploads = [threading.Thread(target=upload, args=(500 * number,)) for number in range(10)]
    for each in uploads:
        each.start()
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status, text = get(server, "/readyz")
    assert (status, json.loads(text)["checks"]["draining"]["ok"]) == (503, False)
    assert get(server, "/livez")[0] == 200
    began = time.monotonic()
    assert server.process.wait(40) == 0
    assert time.monotonic() - began < 35
    for each in uploads:
        each.join()
    assert (failed, done) == ([], [True] * 10)


@pytest.mark.one_store
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT, signal.SIGKILL])
def test_a_worker_that_leaves_is_replaced_and_the_server_goes_on_counting(server, number):
    for _ in range(3):
        before = server.workers()
        os.kill(before[0], number)
        deadline = time.monotonic() + 15
        while (before[0] in server.workers() or len(server.workers()) < 2) and time.monotonic() < deadline:
            time.sleep(0.1)
    time.sleep(1)
    assert server.process.poll() is None
    assert len(server.workers()) == 2
    assert get(server, "/livez")[0] == 200
    assert samples(get(server, "/metrics")[1])


@pytest.mark.one_store
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU])
def test_a_master_that_is_told_to_change_its_workers_serves_on(server, number):
    server.process.send_signal(number)
    time.sleep(4)
    assert server.process.poll() is None
    assert get(server, "/livez")[0] == 200
    assert samples(get(server, "/metrics")[1])


@pytest.mark.one_store
def test_a_path_that_there_is_not_is_not_repeated_in_the_log(server):
    for path in ("/x/04A1B2C3", "/statements/geheim", "/geheim", "/ochp/0.2/geheim", "/livez/../geheim"):
        get(server, path)
    assert get(server, "/ochp/0.2?wsdl")[0] == 200
    deadline = time.monotonic() + 5
    log = ""
    while time.monotonic() < deadline and not all(f'"path":"{path}"' in log for path in ("/ochp/0.2", "/statements/…")):
        time.sleep(0.05)
        log = server.log.read_text()
    assert "geheim" not in log
    assert "04A1B2C3" not in log
    assert '"path":"/statements/…"' in log


@pytest.mark.one_store
def test_a_killed_server_leaves_nothing_behind_that_the_next_does_not_delete(environment, cast, tmp_path):
    server = Server(environment, tmp_path / "server.log")
    server.start()
    (mine,) = {Path(file).parent for file in server.open_files(server.process.pid) if "echs-metrics-" in file}
    server.kill()
    server.start()  # if not a server of another test before it
    assert not mine.exists()
    assert get(server, "/metrics")[0] == 200
    server.stop()
