"""A whole roaming day with zeep, generated from the served WSDL, against a real server on each store."""

import csv
import io

import pytest
import requests
import zeep
from pypdf import PdfReader

from cast import FIELD_CDR, PASSWORDS, cdr, charge_point, token
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, ROAMING_AUTHORISATION_INFO


def member(record, noun) -> dict[str, object]:
    """A noun as zeep takes it."""
    return {wire.name: value for wire, value in zip(record.fields, noun, strict=True)}


def texts(record, answer) -> tuple[str, ...]:
    """A record of an answer as a noun's texts; zeep reads an empty element as None."""
    return tuple("" if answer[wire.name] is None else str(answer[wire.name]) for wire in record.fields)


class Partner:
    """A back end as zeep makes it."""

    def __init__(self, server, user_id: str, port: str) -> None:
        self.service = zeep.Client(server.wsdl).bind("OCHP", port)
        answer = self.service.Authenticate(userId=user_id, password=PASSWORDS[user_id])
        assert answer.resultCode == "Accepted"
        self.headers = {"UserIdentityHeader": answer.authToken}

    def __getattr__(self, operation: str):
        method = getattr(self.service, operation)
        return lambda **members: method(_soapheaders=self.headers, **members)


@pytest.mark.parametrize("port", ["OCHPSoap12", "OCHPSoap11"])
def test_a_whole_roaming_day(server, port):
    tnm, lnd, anwb, office = (Partner(server, user_id, port) for user_id in ("tnm", "lnd", "anwb", "office"))

    # Lists: each publishes its own, each gets those of all, value by value.
    cards = {tnm: [token(1), token(2, printed_number="<&> Łódź 😀", pin="0042")], lnd: [token(3, hub=3)]}
    for partner, mine in cards.items():
        members = [member(ROAMING_AUTHORISATION_INFO, record) for record in mine]
        assert partner.SetRoamingAuthorisationList(roamingAuthorisationInfoArray=members).resultCode == 0
    points = [charge_point(1), charge_point(2, city="Łódź", opening_times="[(h0){d1}]")]
    members = [member(CHARGEPOINT_INFO, record) for record in points]
    assert lnd.SetChargePointList(chargepointInfoArray=members).resultCode == 0
    for partner in (tnm, lnd, anwb):
        answer = partner.GetRoamingAuthorisationList()
        assert answer.result.resultCode == 0
        expected = [tuple(map(str, record)) for mine in cards.values() for record in mine]
        got = [texts(ROAMING_AUTHORISATION_INFO, record) for record in answer.roamingAuthorisationInfoArray]
        assert got == expected
        answer = partner.GetChargePointList()
        assert [texts(CHARGEPOINT_INFO, record) for record in answer.chargepointInfoArray] == [tuple(p) for p in points]

    # CDRs: accepted, sent twice, refused whole, held.
    sent = [FIELD_CDR, cdr("é-Ł-2", volume="0,0004", contract_id="<NL&ANW>"), cdr("3", provider_id="ladenetz.de")]
    members = [member(CDR_INFO, record) for record in sent]
    assert "3 new" in tnm.AddCDRs(cdrInfoArray=members).resultDescription
    assert "3 already known" in tnm.AddCDRs(cdrInfoArray=members).resultDescription
    refused = tnm.AddCDRs(cdrInfoArray=[member(CDR_INFO, cdr("4")), member(CDR_INFO, cdr("5", volume="1,23456"))])
    assert refused.resultCode == 314
    assert "cdrInfoArray[1].volume (cdrId 5)" in refused.resultDescription
    assert lnd.AddCDRs(cdrInfoArray=members[:1]).resultCode == 202
    held = lnd.AddCDRs(cdrInfoArray=[member(CDR_INFO, cdr("6", operator_id="ladenetz.de", provider_id="Nobody"))])
    assert (held.resultCode, "1 held" in held.resultDescription) == (0, True)

    # Clearing: only by the office, only once.
    assert anwb.ClearCDRs().resultCode == 201
    assert "run 1: 3 CDRs" in office.ClearCDRs().resultDescription
    assert "no run was made" in office.ClearCDRs().resultDescription

    # Everybody gets its own, twice the same, and a statement with the same lines.
    for partner, expected in ((anwb, sent[:2]), (lnd, sent[2:]), (tnm, [])):
        for _ in range(2):
            answer = partner.GetCDRs()
            assert answer.result.resultCode == 0
            assert [texts(CDR_INFO, record) for record in answer.cdrInfoArray] == [tuple(record) for record in expected]
        assert answer.docLink.startswith(f"{server.url}/statements/")
        pdf = requests.get(answer.docLink, timeout=30)
        assert (pdf.status_code, pdf.headers["Content-Type"]) == (200, "application/pdf")
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)
        listed = requests.get(answer.docLink.removesuffix("pdf") + "csv", timeout=30)
        rows = csv.DictReader(io.StringIO(listed.content.decode("utf-8-sig"), newline=""))
        numbers = [row["cdr_id"] for row in rows if row["section"] == "provider"]
        assert numbers == [record.cdr_id for record in expected]
        assert all(number in text for number in numbers)


def test_what_opens_no_statement_is_one_and_the_same_404(server):
    anwb = Partner(server, "anwb", "OCHPSoap12")
    tnm = Partner(server, "tnm", "OCHPSoap12")
    tnm.AddCDRs(cdrInfoArray=[member(CDR_INFO, FIELD_CDR)])
    Partner(server, "office", "OCHPSoap12").ClearCDRs()
    link = anwb.GetCDRs().docLink
    good = requests.get(link, timeout=30)
    assert good.status_code == 200
    assert good.headers["Cache-Control"] == "private, no-store"
    assert requests.head(link, timeout=30).headers["Content-Length"] == str(len(good.content))
    assert link.endswith("/statement-1-anwb.pdf")
    assert good.headers["Content-Disposition"] == 'inline; filename="statement-1-anwb.pdf"'
    # Older releases gave links that end with what was signed.
    base, _, signed = link.rpartition("/")[0].rpartition("/")
    assert requests.get(f"{base}/{signed}.pdf", timeout=30).content == good.content
    spreadsheet = requests.get(f"{base}/{signed}/statement-1-anwb.excel.csv", timeout=30)
    assert spreadsheet.content.count(b";") > 20
    answers = []
    for altered in (
        signed + ".xml",
        signed + "/statement-1-anwb.xml",
        signed + "/a/b.pdf",
        signed + "/",
        signed.upper() + "/statement-1-anwb.pdf",
        signed + ".pdf.pdf",
        signed,
        signed[:-1] + ("0" if signed[-1] != "0" else "1") + ".pdf",
        "1" + signed + ".pdf",
        signed.upper() + ".pdf",
        "x.pdf",
        ".pdf",
        "../../etc/passwd.pdf",
        "a" * 3000 + ".pdf",
    ):
        answers.append(requests.get(f"{base}/{altered}", timeout=30))
    answers.append(requests.post(link, timeout=30))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers if "/statements/" in answer.url}) == 1


def test_a_login_works_on_every_worker_and_after_a_restart(server):
    tnm = Partner(server, "tnm", "OCHPSoap12")
    for _ in range(20):
        tnm.service._client.transport.session.close()  # the next connection goes to whichever worker is free
        assert tnm.GetCDRs().result.resultCode == 0
    assert server.stop() == 0
    server.start()
    assert tnm.GetCDRs().result.resultCode == 0
