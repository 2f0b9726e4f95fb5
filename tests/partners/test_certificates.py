"""A partner with pinned certificates is known only where one of them is shown, through a proxy that we trust."""

import json
from urllib.parse import quote

import pytest

from cast import PASSWORDS, certificate_pem
from echs.base.errors import Refused
from echs.base.proxy_headers import networks
from echs.cli import execute
from echs.partners import certificates
from echs.serving.application import create_application
from wire import Caller, envelope, identity, request

PROXY = "10.0.0.5"
AUTHENTICATE = "<n:AuthenticateRequest><n:userId>tnm</n:userId><n:password>{}</n:password></n:AuthenticateRequest>"


@pytest.fixture
def door(context):
    """The application behind a trusted proxy; called with the certificate that the client shows."""
    app = create_application(context, trusted=networks(PROXY))

    def call(body, pem="", header="", peer=PROXY):
        return request(app, envelope(body, header), REMOTE_ADDR=peer, HTTP_X_CLIENT_CERT=quote(pem))

    return call


def test_without_its_certificate_a_partner_is_not_let_in_and_with_it_is(context, cast, clock, door):
    own, next_one, foreign = (certificate_pem(clock()) for _ in range(3))
    log_in = AUTHENTICATE.format(PASSWORDS["tnm"])
    before = door(log_in).text("authToken")
    assert before
    certificates.add(context, "tnm", own)
    certificates.add(context, "tnm", next_one)
    for shown in ("", foreign, "nonsense"):
        answer = door(log_in, shown)
        assert (answer.code, answer.reason, answer.text("authToken")) == ("Denied", "LOGIN_CERTIFICATE", "")
        # A login from before, or one that was stolen, opens nothing either.
        assert door("<n:GetCDRsRequest/>", shown, identity(before)).reason == "LOGIN_CERTIFICATE"
    for shown in (own, next_one):
        token = door(log_in, shown).text("authToken")
        assert door("<n:GetCDRsRequest/>", shown, identity(token)).code == 0
    assert door("<n:GetCDRsRequest/>", own, identity(token), peer="203.0.113.9").reason == "LOGIN_CERTIFICATE"


def test_a_wrong_password_is_refused_the_same_with_any_certificate(context, cast, clock, door):
    own = certificate_pem(clock())
    certificates.add(context, "tnm", own)
    for shown in ("", own):
        assert door(AUTHENTICATE.format("a wrong password"), shown).reason == "LOGIN_REFUSED"


def test_a_certificate_counts_until_it_ends_and_others_are_as_they_were(app, context, cast, clock, door):
    short = certificate_pem(clock(), days=1)
    certificates.add(context, "tnm", short)
    token = door(AUTHENTICATE.format(PASSWORDS["tnm"]), short).text("authToken")
    clock.turn(hours=11)
    assert door("<n:GetCDRsRequest/>", short, identity(token)).code == 0
    clock.turn(hours=13)
    assert door(AUTHENTICATE.format(PASSWORDS["tnm"]), short).reason == "LOGIN_CERTIFICATE"
    assert Caller(app, "anwb").send("GetCDRs").code == 0


def test_without_the_last_one_the_password_is_enough_again(context, cast, clock, door):
    pinned = certificates.add(context, "tnm", certificate_pem(clock()))
    assert certificates.all_of(context, "tnm") == [pinned]
    assert certificates.remove(context, "tnm", pinned.fingerprint[:8].upper()) == pinned
    assert door(AUTHENTICATE.format(PASSWORDS["tnm"])).text("authToken")


@pytest.mark.parametrize("what", ["nonsense", "key", "two", "ended", "twice"])
def test_what_cannot_be_pinned_is_refused_with_a_reason(context, cast, clock, what):
    pem = certificate_pem(clock(), days=-1 if what == "ended" else 365)
    if what == "twice":
        certificates.add(context, "tnm", pem)
    given = {"nonsense": "x", "key": pem.replace("CERTIFICATE", "PRIVATE KEY"), "two": pem + pem}.get(what, pem)
    with pytest.raises(Refused) as refused:
        certificates.add(context, "tnm", given)
    expected = {"ended": "ended on 2026-11-20", "twice": "pinned already"}.get(what, "not one certificate in PEM")
    assert expected in refused.value.first.detail


@pytest.mark.parametrize("beginning", ["", "abc", "0" * 64, "zz"])
def test_a_mark_that_names_none_removes_none(context, cast, clock, beginning):
    certificates.add(context, "tnm", certificate_pem(clock()))
    with pytest.raises(Refused, match="PARTNER_VALUE"):
        certificates.remove(context, "tnm", beginning)
    assert len(certificates.all_of(context, "tnm")) == 1


def test_the_commands_pin_list_and_remove(context, cast, clock, environment, tmp_path, monkeypatch, capsys):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "client.pem"
    file.write_text(certificate_pem(clock()))
    assert execute(["partner", "cert", "add", "tnm", str(file)]) == 0
    assert "names no proxy" in capsys.readouterr().err
    assert execute(["partner", "cert", "list", "tnm", "--json"]) == 0
    (pinned,) = json.loads(capsys.readouterr().out)
    assert pinned["name"] == "CN=a partner's back end"
    assert execute(["partner", "cert", "remove", "tnm", pinned["fingerprint"]]) == 0
    assert "its password alone is enough" in capsys.readouterr().err
    assert execute(["partner", "cert", "remove", "tnm", pinned["fingerprint"]]) == 2
    assert execute(["partner", "cert", "list", "nobody"]) == 3
