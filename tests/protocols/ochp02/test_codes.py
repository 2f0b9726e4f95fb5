"""Every result code is emitted here by a real request, and the answer is the example that the catalogue shows."""

import errno
import re

import pytest

from cast import FIELD_CDR, cdr, certificate_pem, charge_point, token
from echs.base import deadline
from echs.base.admission import AdmissionLimits
from echs.base.spool import Spool
from echs.partners import certificates, enrolment, login
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02 import operations
from echs.protocols.ochp02.codes import CODES, Retry
from echs.protocols.ochp02.results import DESCRIPTION_LIMIT, HINT
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, ROAMING_AUTHORISATION_INFO
from uploads import WRONG_DATA, wrong
from wire import Caller, identity

BY_NUMBER = {code.number: code for code in CODES}
LOGIN_WRONG = "<n:userId>tnm</n:userId><n:password>a wrong password</n:password>"


class Stage:
    """What a case may change."""

    def __init__(self, app, context, clock, monkeypatch) -> None:
        self.app = app
        self.context = context
        self.clock = clock
        self.patch = monkeypatch.setattr
        self.tnm = Caller(app, "tnm")


def login_refused(stage):
    return stage.tnm.send("Authenticate", LOGIN_WRONG)


def login_busy(stage):
    class Full:
        def acquire(self, timeout):
            return False

    stage.patch(login, "_hashing", Full())
    return stage.tnm.send("Authenticate", LOGIN_WRONG)


def login_throttled(stage):
    for _ in range(stage.context.throttle.limits.pair):
        assert stage.tnm.send("Authenticate", LOGIN_WRONG).reason == "LOGIN_REFUSED"
    return stage.tnm.send("Authenticate", LOGIN_WRONG)


def uploads_everywhere(stage):
    stage.patch(stage.context.admission, "limits", AdmissionLimits(seats=0))
    return stage.tnm.upload("AddCDRs", *[cdr(number) for number in range(100)])


def too_slow(stage):
    stage.patch(deadline, "passed", lambda: True)
    return stage.tnm.upload("AddCDRs", cdr(1))


def navigating(stage):
    enrolment.change(stage.context, "office", navigation=True)
    return Caller(stage.app, "office").send("GetRoamingAuthorisationList")


def twice_published(stage, operation, record):
    object.__setattr__(stage.context.limits, "refuse_foreign_ids", True)
    assert Caller(stage.app, "lnd").upload(operation, record).code == 0
    return stage.tnm.upload(operation, record)


def contract_of_another(stage):
    object.__setattr__(stage.context.limits, "refuse_foreign_ids", True)
    enrolment.assign_ids(stage.context, "anwb", Ownership([], ["NL-ANW"], []))
    return stage.tnm.upload("SetRoamingAuthorisationList", token(1, contract_id="NL-ANW-000001"))


def login_expired(stage):
    stage.clock.turn(days=1)
    return stage.tnm.send("GetCDRs")


def certificate_missing(stage):
    certificates.add(stage.context, "tnm", certificate_pem(stage.clock()))
    return stage.tnm.send("GetCDRs")


def known_otherwise(stage):
    assert stage.tnm.upload("AddCDRs", FIELD_CDR).code == 0
    return stage.tnm.send(*wrong("volume", "5"))


def broken_inside(stage):
    def broken(*_):
        raise RuntimeError

    stage.patch(operations, "deliver", broken)
    return stage.tnm.send("GetCDRs")


def store_gone(stage):
    gone = type(stage.context.database)("postgresql://echs@127.0.0.1:1/gone")
    stage.context.database.close()
    stage.context.database.engine = gone.engine
    stage.context.database.url = gone.url
    return stage.tnm.send("GetCDRs")


def disk_full(stage):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    stage.patch(Spool, "add", full)
    return stage.tnm.upload("SetRoamingAuthorisationList", token(1))


def too_many(stage):
    object.__setattr__(stage.context.limits, "records_per_upload", 2)
    assert stage.tnm.upload("AddCDRs", *[cdr(number) for number in range(2)]).code == 0
    return stage.tnm.upload("AddCDRs", *[cdr(number) for number in range(3)])


def set_aside(stage):
    enrolment.change(stage.context, "tnm", shrink_guard=True)
    stage.tnm.upload("SetRoamingAuthorisationList", *[token(number) for number in range(4)])
    return stage.tnm.upload("SetRoamingAuthorisationList", *[token(number) for number in range(2)])


def clock_wrong(stage):
    stage.tnm.upload("SetRoamingAuthorisationList", token(1))
    stage.clock.turn(hours=-1)
    return Caller(stage.app, "office").send("ClearCDRs")


CASES = {
    **{code: lambda stage, case=case: stage.tnm.send(*case) for code, case in WRONG_DATA.items()},
    101: login_refused,
    102: lambda stage: stage.tnm.send("GetCDRs", header=""),
    103: lambda stage: stage.tnm.send("GetCDRs", header=identity("x")),
    104: login_expired,
    105: lambda stage: stage.tnm.send("GetCDRs", header=identity("x") + identity("y")),
    106: certificate_missing,
    107: login_throttled,
    204: lambda stage: twice_published(stage, "SetRoamingAuthorisationList", token(1, hub=0)),
    205: contract_of_another,
    206: lambda stage: twice_published(stage, "SetChargePointList", charge_point(1)),
    207: navigating,
    401: known_otherwise,
    501: broken_inside,
    502: store_gone,
    503: disk_full,
    504: login_busy,
    505: uploads_everywhere,
    506: clock_wrong,
    507: too_slow,
    601: lambda stage: stage.tnm.send("GetCDRs", " " * 300_000),
    602: too_many,
    604: set_aside,
}
REQUEST_ID = re.compile(r" request [0-9A-Z]{26}$")


@pytest.mark.parametrize("number", sorted(CASES))
def test_each_code_is_emitted_and_says_what_the_catalogue_says(app, context, cast, clock, monkeypatch, number):
    answer = CASES[number](Stage(app, context, clock, monkeypatch))
    code = BY_NUMBER[number]
    assert answer.status == 200
    # AuthenticateResponse of the specification has no number.
    assert answer.code == ("Denied" if number in (101, 107, 504) else number)
    assert answer.reason == code.reason
    description = answer.text("resultDescription")
    assert REQUEST_ID.sub("", description).replace(HINT, "") == code.example
    assert len(description) <= DESCRIPTION_LIMIT
    assert "\n" not in description


@pytest.mark.parametrize("number", sorted(WRONG_DATA))
def test_wrong_data_stores_nothing_and_says_so(app, cast, number):
    answer = Caller(app, "tnm").send(*WRONG_DATA[number])
    assert answer.code == number
    assert ("Nothing was stored." in answer.text("resultDescription")) or number == 201
    Caller(app, "office").send("ClearCDRs")
    reader = Caller(app, "anwb")
    assert reader.send("GetCDRs").records(CDR_INFO) == []
    assert reader.send("GetRoamingAuthorisationList").records(ROAMING_AUTHORISATION_INFO) == []
    assert reader.send("GetChargePointList").records(CHARGEPOINT_INFO) == []


def test_every_code_has_a_case_here_and_no_number_and_no_name_stands_twice():
    assert set(CASES) == set(BY_NUMBER)
    assert len({code.reason for code in CODES}) == len(CODES) == len(BY_NUMBER)


def test_the_range_of_a_code_says_whether_the_same_request_may_be_sent_again():
    expected = {
        1: {Retry.AFTER_LOGIN, Retry.NO},
        2: {Retry.NO},
        3: {Retry.NO},
        4: {Retry.NO},
        5: {Retry.YES},
        6: {Retry.NO},
    }
    for code in CODES:
        assert code.again in expected[code.number // 100], code
    assert [code.number for code in CODES if code.number < 200 and code.again is Retry.NO] == [101, 105, 106, 107]
