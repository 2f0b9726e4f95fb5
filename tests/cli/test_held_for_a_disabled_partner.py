"""What waits for a disabled partner is told with its name, and with the command that lets it in again."""

import json

from cast import add_cdrs, cdr
from echs.base.ids import new_request_id
from echs.partners import enrolment


def test_a_run_names_the_disabled_partner_that_cdrs_are_held_for_and_proposes_to_enable_it(echs, context, cast):
    records = [cdr(1, provider_id="ladenetz.de"), cdr(2, provider_id="Nobody")]
    add_cdrs(context, cast.tnm, iter(records), new_request_id(), context.lists)
    enrolment.disable(context, cast.lnd.user_id)
    code, _, err = echs("clear", "--dry-run")
    assert code == 0
    held = [line for line in err.splitlines() if line.startswith("held")]
    assert len(held) == 2
    (disabled,) = [line for line in held if "ladenetz.de" in line]
    (unknown,) = [line for line in held if "Nobody" in line]
    assert f"echs partner enable {cast.lnd.user_id}" in disabled
    assert "owned by no partner (echs partner own USER_ID --provider Nobody)" in unknown
    (check,) = [each for each in json.loads(echs("doctor", "--json")[1]) if each["subject"] == "held CDRs"]
    assert cast.lnd.user_id in check["found"].partition("of disabled partners: ")[2]
    assert f"echs partner enable {cast.lnd.user_id}; " in check["remedy"]
