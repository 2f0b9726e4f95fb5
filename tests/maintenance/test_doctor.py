"""`echs doctor` says what is not well and what to do about it."""

import json

from cast import add_cdrs, cdr, certificate_pem
from echs.clearing import run
from echs.cli import execute
from echs.config.settings import read_settings
from echs.maintenance import backup
from echs.maintenance.doctor import Status, examine
from echs.partners import certificates


def found(context, environment, **settings):
    given = read_settings({**environment, **settings})
    return {each.subject: each for each in examine(context, given)}


def test_a_house_in_order_has_nothing_that_fails(context, cast, environment):
    symptoms = found(context, environment, ECHS_TRUSTED_PROXIES="10.0.0.5")
    assert [each for each in symptoms.values() if each.status is Status.FAIL] == []
    for each in symptoms.values():
        assert each.found
        assert each.remedy or each.status is Status.OK


def test_an_address_without_tls_fails_and_a_local_one_does_not(context, cast, environment):
    assert found(context, environment, ECHS_PUBLIC_URL="http://echs.example.org")["public address"].status == "fail"
    assert found(context, environment, ECHS_PUBLIC_URL="http://127.0.0.1:8080")["public address"].status == "ok"
    assert found(context, environment)["proxies"].status == "warn"


def test_files_that_others_may_read_are_named_with_the_command_that_mends_them(context, cast, environment):
    context.data_dir.chmod(0o755)
    symptom = found(context, environment)["data directory"]
    assert (symptom.status, symptom.remedy[:9]) == ("warn", "chmod 700")
    context.data_dir.chmod(0o700)
    assert found(context, environment)["data directory"].status == "ok"


def test_what_waits_too_long_is_told(context, cast, environment):
    assert found(context, environment)["uncleared CDRs"].found == "none"
    add_cdrs(context, cast.tnm, iter([cdr(1), cdr(2)._replace(provider_id="nobody")]), "a" * 26, context.lists)
    context.clock.turn(hours=50)
    symptoms = found(context, environment)
    assert symptoms["uncleared CDRs"].status == "warn"
    assert "the oldest for 50 h" in symptoms["uncleared CDRs"].found
    assert 'no partner owns "nobody"' in symptoms["held CDRs"].found
    run.clear(context, "test", "b" * 26)
    context.clock.turn(days=8)
    assert 'by "anwb"' in found(context, environment)["statements"].found


def test_a_missing_or_old_backup_is_told(context, cast, environment, tmp_path, monkeypatch):
    assert found(context, environment)["backup"].found == "never"
    monkeypatch.setattr(backup, "fill", lambda *_: backup.Manifest("", "", "", "", {}, "", {}, []))
    backup.create(context, tmp_path / "backups")
    assert found(context, environment)["backup"].status == "ok"
    context.clock.turn(days=3)
    assert found(context, environment)["backup"].status == "warn"


def test_a_postgresql_that_may_lose_what_it_acknowledged_fails(context, cast, environment):
    if context.database.is_sqlite:
        assert found(context, environment)["durability"].status == "ok"
        return
    options = "options=-csynchronous_commit%3Doff"
    url = environment["ECHS_DATABASE_URL"]
    from echs.config.app_context import open_app_context

    other = open_app_context(
        read_settings({**environment, "ECHS_DATABASE_URL": f"{url}{'&' if '?' in url else '?'}{options}"})
    )
    assert found(other, environment)["synchronous_commit"].status == "fail"
    other.database.close()


def test_the_command_prints_a_table_or_json_and_exits_1_when_something_fails(
    context, cast, environment, monkeypatch, capsys
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert execute(["doctor"]) == 0
    out = capsys.readouterr()
    assert "remedy" in out.out
    assert "0 fail" in out.err
    monkeypatch.setenv("ECHS_PUBLIC_URL", "http://echs.example.org")
    assert execute(["doctor", "--json"]) == 1
    assert "fail" in {each["status"] for each in json.loads(capsys.readouterr().out)}


def test_without_a_store_the_doctor_says_where_it_looked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ECHS_DATA_DIR", str(tmp_path / "nowhere"))
    assert execute(["doctor"]) == 5
    assert "there is no store at" in capsys.readouterr().err


def test_partners_that_are_shut_out_for_want_of_a_trusted_proxy_are_named(context, cast, environment):
    assert "certificates" not in found(context, environment)
    certificates.add(context, "tnm", certificate_pem(context.clock(), days=10))
    symptoms = found(context, environment)
    assert (symptoms["certificates"].status, '"tnm"' in symptoms["certificates"].found) == ("fail", True)
    assert symptoms["certificate expiry"].status == "warn"
    certificates.add(context, "tnm", certificate_pem(context.clock()))
    symptoms = found(context, environment, ECHS_TRUSTED_PROXIES="10.0.0.5")
    assert {symptoms[name].status for name in ("certificates", "certificate expiry")} == {"ok"}


def test_without_a_database_the_rest_is_looked_at_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ECHS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ECHS_DATABASE_URL", "postgresql://echs@127.0.0.1:1/gone")
    assert execute(["doctor", "--json"]) == 1
    symptoms = {each["subject"]: each for each in json.loads(capsys.readouterr().out)}
    assert symptoms["store"]["status"] == "fail"
    assert "data directory" in symptoms


def test_links_and_directories_that_others_can_write_are_named(context, cast, environment, tmp_path):
    names = found(context, environment)
    assert "links" not in names
    assert "directories" not in names
    key = context.data_dir / "secret-key"
    aside = context.data_dir / "elsewhere"
    aside.write_text("k" * 40)
    key.unlink(missing_ok=True)
    key.symlink_to(aside)
    context.data_dir.chmod(0o777)
    try:
        symptoms = found(context, environment)
    finally:
        context.data_dir.chmod(0o700)
    assert (symptoms["links"].status, "secret-key" in symptoms["links"].found) == ("warn", True)
    assert (symptoms["directories"].status, "chmod o-w" in symptoms["directories"].remedy) == ("fail", True)
