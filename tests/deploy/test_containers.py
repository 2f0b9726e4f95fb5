"""The files for containers: one backup system with the hosts', and nothing asked of images that they do not have."""

import os
import re
import shlex
import socket
import subprocess
from pathlib import Path

import click

from echs.cli.backup import command as group

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text()


def service(name):
    return re.search(rf"^  {name}:\n((?:    .*\n|\n|  #.*\n)*)", COMPOSE, re.MULTILINE)[1]


def test_the_backup_service_runs_a_command_that_there_is_on_an_image_with_pg_dump():
    text = service("backup")
    assert "target: backup" in text
    stage = re.search(r"FROM \$\{POSTGRES_IMAGE\} AS backup\n(.*?)\nFROM", DOCKERFILE, re.DOTALL)[1]
    entry = re.search(r'ENTRYPOINT \["echs", "backup"\]', stage)
    assert entry
    arguments = re.search(r"command: \[(.*)\]", text)[1].replace(",", " ").replace("${ECHS_BACKUP_KEEP_DAYS:-30}", "30")
    verb, *rest = shlex.split(arguments)
    create = group.commands[verb]
    parsed = create.make_context("create", rest, parent=click.Context(group))
    assert (parsed.params["keep_days"], str(parsed.params["directory"])) == (30, "/backups")
    assert "backups:/backups" in text


def test_the_image_of_the_server_is_the_last_stage_and_copies_only_what_is_not_ignored():
    assert DOCKERFILE.rindex("FROM ${PYTHON_IMAGE}") > DOCKERFILE.rindex("FROM ${POSTGRES_IMAGE}")
    kept = {line[1:] for line in IGNORED.splitlines() if line.startswith("!")}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied <= kept
    for each in copied:
        assert (ROOT / each).exists()


def test_database_and_backup_have_the_same_version():
    defaults = set(re.findall(r"\$\{POSTGRES_IMAGE:-([^}]*)\}", COMPOSE))
    defaults |= set(re.findall(r"^ARG POSTGRES_IMAGE=(.*)$", DOCKERFILE, re.MULTILINE))
    assert len(defaults) == 1
    pythons = set(re.findall(r"PYTHON_IMAGE[:=]-?([a-z][^}\n@]*)", COMPOSE + DOCKERFILE)) - {""}
    release = {each.rpartition("-")[2] for each in (*defaults, *pythons)}
    assert release == {"bookworm"}


def test_the_trial_asks_for_its_ports_before_it_builds_anything(tmp_path):
    for name in ("docker", "openssl", "curl"):
        stub = tmp_path / name
        stub.write_text("#!/bin/sh\nexit 1\n")
        stub.chmod(0o755)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            ["bash", str(ROOT / "deploy" / "container" / "try.sh")],
            env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "TRY_HTTPS_PORT": port},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert f"port {port} is in use here; set TRY_HTTPS_PORT" in done.stderr
