"""``echs partner credential`` and ``market-id``."""

import json

from echs.partners.login import log_in


def test_the_command_adds_lists_changes_and_removes(echs, context, cast, tmp_path):
    code, out, _ = echs("partner", "credential", "add", "tnm", "second")
    password = out.partition("(shown this once): ")[2].strip()
    assert code == 0
    assert log_in(context, "second", password)
    listed = echs("partner", "credential", "list", "tnm")[1]
    assert "second" in listed
    assert password not in listed
    (tmp_path / "password").write_text("a password from a file\n")
    assert (
        echs("partner", "credential", "passwd", "tnm", "second", "--password-file", str(tmp_path / "password"))[0] == 0
    )
    assert log_in(context, "second", "a password from a file")
    assert echs("partner", "credential", "add", "lnd", "second")[0] == 4
    assert echs("partner", "credential", "remove", "tnm", "tnm")[0] == 4
    assert echs("partner", "credential", "remove", "tnm", "second")[0] == 0
    assert echs("partner", "credential", "remove", "tnm", "second")[0] == 3


def test_the_command_enters_shows_and_removes_a_market_id(echs, context, cast):
    code, out, _ = echs("partner", "market-id", "tnm", "--operator", "TheNewMotion", "NL*TNM", "--json")
    assert (code, json.loads(out)["market_ids"]) == (0, ["operator TheNewMotion: NLTNM"])
    assert "operator TheNewMotion: NLTNM" in echs("partner", "show", "tnm")[1]
    assert echs("partner", "market-id", "lnd", "--operator", "ladenetz.de", "NL*TNM")[0] == 4
    assert echs("partner", "market-id", "tnm", "NL*TNM")[0] == 2
    assert echs("partner", "market-id", "tnm", "--operator", "TheNewMotion", "")[0] == 0
    assert json.loads(echs("partner", "show", "tnm", "--json")[1])["market_ids"] == []
