"""The rules of a CDR, as one table in the order in which they are asked: refuse, hold, warn.

The first rule of severity ``reject`` that a CDR breaks decides, and nothing of the upload is stored. Whoever breaks the
rule of severity ``hold`` is accepted and waits. Warnings stop nothing: every one is stored with the CDR, for the
administrator to look at. Each rule is a pure function of the CDR and of what it is seen against, its `RuleContext`.

Sources: OCHP 0.2 (the specification), and what other clearing houses publish of theirs: Hubject's validation of charge
detail records, the plausibility checks of ENAPI, data clearing of mobile telephony (age, duplicates).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from operator import attrgetter, le

from echs.base.energy import UNITS_PER_KWH, kwh
from echs.base.errors import Problem, RecordProblems, named, shown
from echs.base.limits import Limits
from echs.base.rule import (
    Finding,
    Predicate,
    Rule,
    SetPrefilter,
    Severity,
    findings,
    hold_for_all,
    rejection,
)
from echs.cdrs.cdr import Cdr, CdrFormat, CdrReason, CdrWarning, label
from echs.partners.partner import Partner, party_key, party_keys
from echs.partners.standard_ids import (
    USUAL_CONTRACT_ID,
    USUAL_EVSE_ID,
    IdWarning,
    contract_id_check_problem,
    contract_id_shape_problem,
    contract_spellings,
    countries,
    countries_or_none,
    evse_id_problem,
    evse_key,
    plain,
)

Key = tuple[str, str]
# What a billing period of energy is called; see `echs.cdrs.cdr.Period`.
ENERGY = "energy"


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a CDR is seen against.

    ``form`` is what the protocol of the CDR knows of it. ``rights_are_known`` is false where nobody said who sends.
    What was not looked up is None, and breaks no rule: the provider keys that somebody owns; by provider key the token
    numbers (in their `plain` form) of that provider's list, those that it has in another order of bytes, and its
    contract ids (as `contract_spellings`); the EVSE ids of the sender's list; by the key of a CDR the sentence about a
    session that it overlaps.
    """

    sender: Partner
    now: datetime
    limits: Limits
    form: CdrFormat
    rights_are_known: bool = True
    owned_provider_keys: Set[str] | None = None
    tokens: Mapping[str, Set[str]] | None = None
    turned_tokens: Mapping[str, Set[str]] | None = None
    contracts: Mapping[str, Set[str]] | None = None
    chargepoints: Set[str] | None = None
    socket_overlaps: Mapping[Key, str] | None = None
    card_overlaps: Mapping[Key, str] | None = None
    card_overlaps_elsewhere: Mapping[Key, str] | None = None
    unknown_revisions: Set[Key] | None = None

    def shown(self, cdr: Cdr, field: str) -> str:
        """A field as it was sent, for a sentence."""
        return shown(self.form.sent(cdr, field))


def plainly(number: float) -> str:
    """A number for a sentence, without an exponent and without zeros behind."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


# ---------------------------------------------------------------------- what refuses


def end_before_start(cdr: Cdr, rule_context: RuleContext) -> str:
    """The session ends before it starts."""
    end, start = rule_context.shown(cdr, "end_datetime"), rule_context.shown(cdr, "start_datetime")
    return f"{end} is before the start {start}"


def in_future(cdr: Cdr, rule_context: RuleContext) -> str:
    """The session ends in the future."""
    tolerance = plainly(rule_context.limits.cdr_future_seconds / 60)
    now = rule_context.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{rule_context.shown(cdr, 'end_datetime')} is more than {tolerance} minutes after now, {now}"


def latest_end(rule_context: RuleContext) -> datetime:
    """When a session ends at the latest."""
    return rule_context.now + timedelta(seconds=rule_context.limits.cdr_future_seconds)


def volume_limit(cdr: Cdr, rule_context: RuleContext) -> str:
    """More energy than one session can have."""
    most = plainly(rule_context.limits.cdr_volume_e4_kwh / UNITS_PER_KWH)
    return f"{rule_context.shown(cdr, 'volume')} is more than the {most} kWh that one CDR may have (is it in Wh?)"


def ownership_problem(cdr: Cdr, rule_context: RuleContext) -> str:
    """The sender is not this operator."""
    yours = named(rule_context.sender.operator_ids) or "none"
    return f"{named([cdr.operator_id])} is not your operator id; yours: {yours}"


def is_yours(operator_id: str, rule_context: RuleContext) -> bool:
    """Whether the sender may send as this operator, or nobody knows."""
    return not rule_context.rights_are_known or party_key(operator_id) in rule_context.sender.operator_keys


# These depend on the clock or on a setting: what was accepted once is asked no more, so that sending twice is harmless.
OF_NEW_ONLY = (CdrReason.CDR_IN_FUTURE, CdrReason.CDR_VOLUME_LIMIT)
# Each declared once, for a record and for a batch.
REJECTIONS: tuple[Rule[Cdr, RuleContext], ...] = (
    rejection(
        CdrReason.CDR_END_BEFORE_START,
        "end_datetime",
        Predicate(("started_at", "ended_at"), lambda _: le),
        end_before_start,
        "the session ends before it starts",
        "Hubject (end before start)",
    ),
    rejection(
        CdrReason.CDR_IN_FUTURE,
        "end_datetime",
        Predicate(("ended_at",), lambda rule_context: latest_end(rule_context).__ge__),
        in_future,
        "the session ends in the future, beyond `ECHS_CDR_FUTURE_MINUTES`",
        "Hubject (session in the future)",
    ),
    rejection(
        CdrReason.CDR_VOLUME_LIMIT,
        "volume",
        Predicate(("volume_e4_kwh",), lambda rule_context: rule_context.limits.cdr_volume_e4_kwh.__ge__),
        volume_limit,
        "more than `ECHS_CDR_MAX_KWH`",
        "Hubject (1,000 kWh)",
    ),
    rejection(
        CdrReason.CDR_OPERATOR_NOT_YOURS,
        "operator_id",
        Predicate(("operator_id",), lambda rule_context: partial(is_yours, rule_context=rule_context)),
        ownership_problem,
        "not one of the sender's operator ids",
        "OCHP 0.2, 2; Hubject (inconsistent EVSE id)",
    ),
)


# ---------------------------------------------------------------------- what holds


def provider_unowned(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Nobody owns the provider id."""
    if rule_context.owned_provider_keys is None or cdr.provider_key in rule_context.owned_provider_keys:
        return None
    return f"no partner has the provider id {shown(cdr.provider_id)}"


HOLD: Rule[Cdr, RuleContext] = Rule(
    CdrWarning.PROVIDER_UNOWNED,
    Severity.HOLD,
    "provider_id",
    provider_unowned,
    "nobody owns the provider id: the CDR waits until somebody does",
    "OCHP 0.2, 2 (provider ID of partner known)",
)


# ---------------------------------------------------------------------- what warns


def session_s(cdr: Cdr) -> float:
    """How long the session took, in seconds, by its timestamps."""
    return (cdr.ended_at - cdr.started_at).total_seconds()


def duration_differs(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """What is stated is not what the timestamps say."""
    if (
        cdr.duration_s is None
        or abs(cdr.duration_s - session_s(cdr)) <= rule_context.limits.cdr_duration_tolerance_seconds
    ):
        return None
    stated = f"{rule_context.shown(cdr, 'duration')} is {cdr.duration_s} s"
    return f"{stated}; from start to end it is {plainly(session_s(cdr))} s"


def power_too_high(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """No charger is that fast."""
    kwh_allowed = rule_context.limits.cdr_power_kw * session_s(cdr) / 3600
    if cdr.volume_e4_kwh <= kwh_allowed * UNITS_PER_KWH:
        return None
    limit = f"{rule_context.limits.cdr_power_kw} kW"
    return f"{kwh(cdr.volume_e4_kwh)} kWh in {plainly(session_s(cdr))} s is more than {limit}"


def volume_zero(cdr: Cdr, _scene: RuleContext) -> str | None:
    """Nothing was charged."""
    return None if cdr.volume_e4_kwh or not says_energy(cdr) else "no energy was charged"


def says_energy(cdr: Cdr) -> bool:
    """Whether a CDR says how much energy was charged: where it has periods, one is of energy."""
    return not cdr.periods or any(period.item == ENERGY for period in cdr.periods)


def energy_unknown(cdr: Cdr, _scene: RuleContext) -> str | None:
    """No period says how much energy was charged."""
    return None if says_energy(cdr) else "no period is of energy; how much was charged is not known"


def revised_unknown(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """A revision of what nobody has."""
    if rule_context.unknown_revisions is None or cdr.key not in rule_context.unknown_revisions:
        return None
    return "sent as revised, and there was no such CDR: it counts as new"


def session_short(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Too short to have charged."""
    if session_s(cdr) >= rule_context.limits.cdr_short_seconds:
        return None
    least = rule_context.limits.cdr_short_seconds
    return f"the session took {plainly(session_s(cdr))} s; sessions shorter than {least} s are unusual"


def too_old(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Sent long after."""
    age = rule_context.now - cdr.started_at
    if age <= timedelta(days=rule_context.limits.cdr_age_days):
        return None
    limit = rule_context.limits.cdr_age_days
    return f"the session began {ceil(age / timedelta(days=1))} days ago; more than {limit} is late"


def socket_overlap(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Two sessions at once at one socket."""
    return (rule_context.socket_overlaps or {}).get(cdr.key)


def card_overlap(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Two sessions at once with one card."""
    return (rule_context.card_overlaps or {}).get(cdr.key)


def card_overlap_elsewhere(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """Two sessions at once with one card, the other at another operator's."""
    return (rule_context.card_overlaps_elsewhere or {}).get(cdr.key)


def card_turned(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """The provider's list has the card with its bytes the other way round, or without the zeros that fill it up."""
    found = (rule_context.turned_tokens or {}).get(cdr.provider_key)
    if not found or plain(cdr.token_id) not in found:
        return None
    return f"the list of {shown(cdr.provider_id)} has this card with its bytes in another order, or without zeros"


def card_unknown(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """The provider's list has no such card; without authenticationId the contract is looked for."""
    if rule_context.tokens is None or rule_context.contracts is None or cdr.provider_key not in rule_context.tokens:
        return None
    if cdr.token_id:
        known = (
            plain(cdr.token_id) in rule_context.tokens[cdr.provider_key] or card_turned(cdr, rule_context) is not None
        )
    else:
        known = not rule_context.contracts[cdr.provider_key].isdisjoint(contract_spellings(cdr.contract_id))
    return None if known else f"the list of {shown(cdr.provider_id)} has no such card"


def socket_key(cdr: Cdr) -> str:
    """The form in which the socket of a CDR is looked up in a list."""
    return evse_key(cdr.socket) if cdr.socket.isascii() else cdr.socket


def chargepoint_unknown(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """The sender's list has no such charge point."""
    if rule_context.chargepoints is None or socket_key(cdr) in rule_context.chargepoints:
        return None
    return f"{shown(cdr.socket)} is not in the sender's charge point list"


def country_unknown(cdr: Cdr, _scene: RuleContext) -> str | None:
    """No country of ISO 3166-1."""
    country = cdr.country
    if not country or country in countries():
        return None
    return f"{shown(country)} is not a country of ISO 3166-1, such as NLD"


def own_network(cdr: Cdr, rule_context: RuleContext) -> str | None:
    """The sender's own driver at the sender's own charge point."""
    if cdr.provider_key not in party_keys(rule_context.sender.provider_ids):
        return None
    return f"{shown(cdr.provider_id)} is yours as {shown(cdr.operator_id)} is: nothing is owed for it"


def unusual_evse_id(cdr: Cdr, _scene: RuleContext) -> str | None:
    """No EVSE id of a known shape."""
    return evse_id_problem(cdr.evse_id) if cdr.evse_id else None


WARNINGS: tuple[Rule[Cdr, RuleContext], ...] = (
    Rule(
        CdrWarning.DURATION_DIFFERS,
        Severity.WARN,
        "duration",
        duration_differs,
        "off from end minus start by more than `ECHS_CDR_DURATION_TOLERANCE_SECONDS`",
        "OCHP 0.2, 4.2 states both; real ones are off by a second",
    ),
    Rule(
        CdrWarning.POWER_TOO_HIGH,
        Severity.WARN,
        "volume",
        power_too_high,
        "volume and time imply more than `ECHS_CDR_MAX_KW`",
        "ENAPI (power within the possible)",
    ),
    Rule(
        CdrWarning.VOLUME_ZERO, Severity.WARN, "volume", volume_zero, "no energy", "Hubject and ENAPI (empty session)"
    ),
    Rule(
        CdrWarning.SESSION_SHORT,
        Severity.WARN,
        "end_datetime",
        session_short,
        "shorter than `ECHS_CDR_SHORT_SECONDS`",
        "Hubject and ENAPI (two minutes)",
    ),
    Rule(
        CdrWarning.CDR_OLD,
        Severity.WARN,
        "start_datetime",
        too_old,
        "began more than `ECHS_CDR_MAX_AGE_DAYS` ago",
        "data clearing of mobile telephony (30 to 90 days)",
    ),
    Rule(
        CdrWarning.SOCKET_OVERLAP,
        Severity.WARN,
        "evse_id",
        socket_overlap,
        "at the same time as another session of the sender's at this socket",
        "data clearing of mobile telephony (duplicates)",
        requires="socket_overlaps",
    ),
    Rule(
        CdrWarning.CARD_OVERLAP,
        Severity.WARN,
        "token_id",
        card_overlap,
        "at the same time as another session of the sender's with this card",
        "data clearing of mobile telephony (duplicates)",
        requires="card_overlaps",
    ),
    Rule(
        CdrWarning.CARD_OVERLAP_ELSEWHERE,
        Severity.WARN,
        "token_id",
        card_overlap_elsewhere,
        "at the same time as a session with this card at another operator; the sender is not told",
        "data clearing of mobile telephony (duplicates)",
        visible_to_sender=False,
        requires="card_overlaps_elsewhere",
    ),
    Rule(
        CdrWarning.CARD_UNKNOWN,
        Severity.WARN,
        "token_id",
        card_unknown,
        "not in the provider's list, if it has published one; without authenticationId, evcoId is not",
        "Hubject (not authorised)",
        requires="tokens",
    ),
    Rule(
        CdrWarning.TOKEN_BYTE_ORDER,
        Severity.WARN,
        "token_id",
        card_turned,
        "in the provider's list with its bytes in the opposite order, or without leading zero bytes",
        "OCHP 1.4, EmtId: big endian, no zero filling",
        requires="turned_tokens",
    ),
    Rule(
        CdrWarning.CHARGEPOINT_UNKNOWN,
        Severity.WARN,
        "evse_id",
        chargepoint_unknown,
        "evseId, or chargePointId where it is empty, is not in the sender's charge point list, if there is one",
        "OCHP 0.2, 4.9",
    ),
    Rule(
        IdWarning.CONTRACT_ID_PATTERN,
        Severity.WARN,
        "contract_id",
        lambda cdr, _: contract_id_shape_problem(cdr.contract_id),
        "no contract id of a known shape",
        "DIN SPEC 91286, ISO 15118-2; the lists of 2012 have thirty shapes",
        prefilter=USUAL_CONTRACT_ID,
    ),
    Rule(
        IdWarning.CONTRACT_ID_CHECK_DIGIT,
        Severity.WARN,
        "contract_id",
        lambda cdr, _: contract_id_check_problem(cdr.contract_id),
        "the check digit is not the right one",
        "DIN SPEC 91286, ISO 15118-2",
    ),
    Rule(
        IdWarning.EVSE_ID_PATTERN,
        Severity.WARN,
        "evse_id",
        unusual_evse_id,
        "no EVSE id of a known shape",
        "OCHP 0.2, 4.2; ISO 15118-2; DIN SPEC 91286",
        prefilter=USUAL_EVSE_ID,
    ),
    Rule(
        CdrWarning.COUNTRY_UNKNOWN,
        Severity.WARN,
        "country",
        country_unknown,
        "neither two nor three letters of ISO 3166-1",
        "OCHP 0.2, 4.2 (three letters); the field writes two as well",
        prefilter=SetPrefilter(countries_or_none),
    ),
    Rule(
        CdrWarning.OWN_NETWORK,
        Severity.WARN,
        "provider_id",
        own_network,
        "operator and provider are the same partner; statements have it in a section of its own",
        "roaming is between partners",
    ),
    Rule(
        CdrWarning.ENERGY_UNKNOWN,
        Severity.WARN,
        "volume",
        energy_unknown,
        "no billing period is of energy",
        "OCHP 1.4, CdrPeriodType",
    ),
    Rule(
        CdrWarning.REVISED_UNKNOWN,
        Severity.WARN,
        "cdr_id",
        revised_unknown,
        "sent as revised, and there was no such CDR",
        "OCHP 1.4, CdrStatusType; one client sends every CDR so",
        requires="unknown_revisions",
    ),
)
RULES: tuple[Rule[Cdr, RuleContext], ...] = (*REJECTIONS, HOLD, *WARNINGS)


# ---------------------------------------------------------------------- asking them


@dataclass(frozen=True, slots=True)
class RefusedIfNew:
    """A CDR that is refused if it is new, and that is harmless if it was accepted before."""

    cdr: Cdr
    problems: RecordProblems


def validate(cdr: Cdr, position: int, rule_context: RuleContext) -> Cdr | RefusedIfNew | RecordProblems:
    """The CDR, or what is wrong with it: first its form, then the rules that refuse."""
    wrong = RecordProblems.among(problems_of(cdr, position, rule_context))
    if wrong is None:
        return cdr
    if wrong.first.reason not in OF_NEW_ONLY:
        return wrong
    rest = list(wrong.rest)
    again = RecordProblems(wrong.first, iter(rest))
    return RefusedIfNew(cdr, again) if all(each.reason in OF_NEW_ONLY for each in rest) else again


def batch_is_valid(cdrs: Sequence[Cdr], rule_context: RuleContext) -> bool:
    """Whether `validate` would find nothing in a batch whose form is right."""
    return hold_for_all(REJECTIONS, lambda name: list(map(attrgetter(name), cdrs)), rule_context)


def problems_of(cdr: Cdr, position: int, rule_context: RuleContext) -> Iterator[Problem]:
    """Everything that refuses the CDR, the deciding problem first. A field whose form is wrong is asked no more."""
    wrong_fields = set()
    for problem in rule_context.form.problems(cdr, position):
        wrong_fields.add(problem.field)
        yield problem
    for finding in findings(REJECTIONS, cdr, rule_context):
        if finding.rule.field not in wrong_fields:
            yield as_problem(finding, cdr, position)


def as_problem(finding: Finding, cdr: Cdr, position: int | None) -> Problem:
    """A broken rule as the problem of a record."""
    return Problem(finding.rule.name, finding.detail, position=position, field=finding.rule.field, label=label(cdr))


def warnings_of(cdr: Cdr, rule_context: RuleContext) -> list[Finding]:
    """Every rule of severity ``warn`` that the CDR breaks."""
    return warnings_among([cdr], rule_context)[0]


def warnings_among(cdrs: Sequence[Cdr], rule_context: RuleContext) -> list[list[Finding]]:
    """The same of many: rule by rule, and of each rule only those CDRs that its quick test does not let pass."""
    found: list[list[Finding]] = [[] for _ in cdrs]
    for rule in WARNINGS:
        odd: Sequence[int] = range(len(cdrs))
        if rule.requires is not None and not getattr(rule_context, rule.requires):
            continue
        if rule.prefilter is not None:
            odd = rule.prefilter.suspects(list(map(attrgetter(rule.field), cdrs)))
        for number in odd:
            detail = rule.violation(cdrs[number], rule_context)
            if detail is not None:
                found[number].append(Finding(rule, detail))
    return found
