"""PostgreSQL that fails over, and pgbouncer in between: nothing acknowledged is lost, and the server finds its way."""

import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from sqlalchemy.engine import make_url

from cast import PASSWORDS, cdr, token
from conftest import data_directory
from deploy.proxies import free_port
from echs.base.errors import Refused
from echs.cli import execute
from echs.config.app_context import open_app_context
from echs.config.settings import read_settings
from echs.maintenance.doctor import examine
from echs.tokens.token_list import TOKENS
from programs import need
from servers import Server
from simulation.crowd import Back, Crowd, reckon
from wire import CDR_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO, record_xml

ROOT = Path(__file__).parents[2]
DRILL = ROOT / "deploy" / "ha" / "drill.py"


def test_a_primary_that_is_lost_under_load_loses_nothing_that_was_acknowledged():
    for program, package in (
        ("patroni", "patroni"),
        ("etcd", "etcd-server"),
        ("haproxy", "haproxy"),
        ("pg_ctlcluster", "postgresql"),
    ):
        need(program, package)
    command = [sys.executable, str(DRILL), "--how", "kill", "--nodes", "2", "--etcd", "1", "--after", "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


class Bouncer:
    """pgbouncer in transaction mode in front of a PostgreSQL server."""

    def __init__(self, program, url, place):
        target = make_url(url)
        self.port = free_port()
        host = target.query.get("host", target.host)
        (place / "users.txt").write_text(f'"{target.username}" ""\n')
        (place / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={host} port={target.port or 5432} user={target.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nauth_type = any\n"
            f"auth_file = {place}/users.txt\nunix_socket_dir =\n"
            "pool_mode = transaction\ndefault_pool_size = 4\nignore_startup_parameters = options\n"
        )
        command = [program, "-q", str(place / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it does not run as root; PostgreSQL's own user reaches its socket
            owner = data_directory(url).stat().st_uid
            for path in (place, *place.iterdir()):
                os.chown(path, owner, -1)
            for parent in place.parents[:-2]:
                parent.chmod(parent.stat().st_mode | 0o011)
            command[1:1] = ["-u", pwd.getpwuid(owner).pw_name]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.url = target.set(host="127.0.0.1", port=self.port, query={}, password=None).render_as_string()


@pytest.fixture
def behind_pgbouncer(request, environment, context, cast, tmp_path):
    """The settings of the same house, reached through pgbouncer."""
    if context.database.is_sqlite:
        pytest.skip("PostgreSQL's matter")
    program = need("pgbouncer", "pgbouncer")
    place = tmp_path / "bouncer"
    place.mkdir()
    bouncer = Bouncer(program, environment["ECHS_DATABASE_URL"], place)
    through = {**environment, "ECHS_DATABASE_URL": bouncer.url}
    end = time.monotonic() + 15
    while True:
        try:
            opened = open_app_context(read_settings(through))
            TOKENS.states(opened)
            break
        except Refused:
            assert bouncer.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
    opened.database.close()
    yield through
    bouncer.process.terminate()
    bouncer.process.wait(10)


def test_everything_works_through_pgbouncer_in_transaction_mode(behind_pgbouncer, context, seed, tmp_path, monkeypatch):
    server = Server(behind_pgbouncer, tmp_path / "server.log")
    server.start()
    try:
        with Crowd(server.service, seed, uploaders=4, clearers=2) as crowd:
            time.sleep(6)
        assert set(crowd.codes) == {0}, crowd.codes
        assert len(crowd.kept) > 10
        reckon(crowd, context)
    finally:
        server.stop()
    for name, value in behind_pgbouncer.items():
        monkeypatch.setenv(name, value)
    assert execute(["partner", "list"]) == 0
    assert execute(["db", "current"]) == 0


def test_the_doctor_says_when_timeouts_are_lost_on_the_way(behind_pgbouncer, environment):
    settings = read_settings(behind_pgbouncer)
    opened = open_app_context(settings)
    found = {each.subject: each for each in examine(opened, settings)}
    opened.database.close()
    assert found["statement_timeout"].status == "warn"
    assert "ALTER ROLE" in found["statement_timeout"].remedy


def test_several_hosts_with_one_database_are_one_clearing_house(environment, context, cast, tmp_path):
    """A login of one host opens the others; lists, runs and links to statements are the same on each."""
    if context.database.is_sqlite:
        pytest.skip("several hosts share PostgreSQL")
    hosts = []
    for number in range(2):
        given = {**environment, "ECHS_DATA_DIR": str(tmp_path / f"host{number}")}
        hosts.append(Server(given, tmp_path / f"host{number}.log"))
        hosts[-1].start()
    one, other = hosts
    try:
        crowd = type("Nobody", (), {})()
        on_one = Back(one.service, "tnm", "AddCDRs", crowd, 1)
        login = f"<n:userId>tnm</n:userId><n:password>{PASSWORDS['tnm']}</n:password>"
        _, document = on_one.call("Authenticate", login)
        on_one.token = document.findtext(f".//{{{NAMESPACE}}}authToken")
        on_other = Back(other.service, "tnm", "AddCDRs", crowd, 2)
        on_other.token = on_one.token
        assert on_one.call("AddCDRs", record_xml(CDR_INFO, cdr(1, provider_id="TheNewMotion")))[0] == 0
        assert on_other.call("AddCDRs", record_xml(CDR_INFO, cdr(2, provider_id="TheNewMotion")))[0] == 0
        assert on_one.call("SetRoamingAuthorisationList", record_xml(ROAMING_AUTHORISATION_INFO, token(7)))[0] == 0
        for host in (on_one, on_other):
            answer = host.call("GetRoamingAuthorisationList", "")[1]
            assert len(list(answer.iter(f"{{{NAMESPACE}}}{ROAMING_AUTHORISATION_INFO.element}"))) == 1
        office = Back(other.service, "office", "ClearCDRs", crowd, 3)
        _, document = office.call(
            "Authenticate", f"<n:userId>office</n:userId><n:password>{PASSWORDS['office']}</n:password>"
        )
        office.token = document.findtext(f".//{{{NAMESPACE}}}authToken")
        assert office.call("ClearCDRs", "")[0] == 0
        answers = [host.call("GetCDRs", "")[1] for host in (on_one, on_other)]
        links = [answer.findtext(f".//{{{NAMESPACE}}}docLink") for answer in answers]
        statements = []
        for link in links:
            path = link.partition("/statements/")[2]
            statements += [requests.get(f"{host.url}/statements/{path}", timeout=30) for host in hosts]
        assert {answer.status_code for answer in statements} == {200}
        assert len({answer.content for answer in statements}) == 1
        for answer in answers:
            assert len(list(answer.iter(f"{{{NAMESPACE}}}{CDR_INFO.element}"))) == 2
    finally:
        for host in hosts:
            host.stop()
