"""The life of a CDR of OCHP 1.4 as tests play it: sent, fetched, answered about, cleared."""

from typing import Any

from echs.cdrs import queries
from echs.cdrs.status import Status
from echs.clearing import run
from ochp14 import Answer14, Caller14, O, period_xml, valid

ID, EVSE = "NLTNM000001", "NL*TNM*E01000851"
OTHER = {"total": "6.00", "periods": (period_xml(value="15", cost="6.00"),)}


def add(caller: Caller14, *cdrs: str) -> Answer14:
    return valid(caller.send("AddCDRs", "".join(cdrs)))


def implausible(answer: Answer14) -> list[str]:
    return [each.text for each in answer.elements("implausibleCdrsArray")]


def got(caller: Caller14, status: str = "", operation: str = "GetCDRs") -> dict[str, Any]:
    """What a partner downloads, by CDR id."""
    member = f"<o:cdrStatus><o:CdrStatusType>{status}</o:CdrStatusType></o:cdrStatus>" if status else ""
    answer = valid(caller.send(operation, member))
    assert answer.code == "ok", answer.text
    found = {each.findtext(f"{O}CdrId"): each for each in answer.elements("cdrInfoArray")}
    assert len(found) == len(answer.elements("cdrInfoArray"))
    return found


def states(caller: Caller14, status: str = "", operation: str = "GetCDRs") -> dict[str, str]:
    return {
        cdr_id: each.findtext(f"{O}status/{O}CdrStatusType") for cdr_id, each in got(caller, status, operation).items()
    }


def fetched_and_confirmed(caller: Caller14, *items: tuple[str, str] | tuple[str, str, str]) -> Answer14:
    """As `confirm`, by a provider that has fetched what waits for its answer."""
    got(caller)
    return confirm(caller, *items)


def confirm(caller: Caller14, *items: tuple[str, str] | tuple[str, str, str]) -> Answer14:
    """ConfirmCDRs of items that are approved or declined, an id, and where it is another an EVSE id."""
    members = ""
    for kind, cdr_id, *evse_id in items:
        members += f"<o:{kind}><o:cdrId>{cdr_id}</o:cdrId><o:evseId>{(evse_id or [EVSE])[0]}</o:evseId></o:{kind}>"
    return valid(caller.send("ConfirmCDRs", members))


def listed(context: Any, cdr_id: str = ID) -> list[Status]:
    """The states of all revisions of a CDR, the newest first."""
    return [each.status for each in queries.find(context, None, None, 1000) if each.cdr_id == cdr_id]


def cleared(context: Any) -> int:
    made = run.clear(context, "test", "c" * 26)
    return 0 if made is None else made.cdr_count
