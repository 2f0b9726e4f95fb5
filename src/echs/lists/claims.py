"""Whether what a partner publishes is another partner's: a card or a socket that another list has, a market id that is
somebody else's. OCHP 0.2 has no register to refuse by, so it is a warning, or a refusal where the settings say so.
"""

from collections import Counter
from dataclasses import dataclass

from echs.base.context import Context
from echs.base.errors import Problem, ProblemCollector
from echs.lists.keyed_list import KeyedList
from echs.lists.list_content import PayloadContent
from echs.lists.list_format import KeyForm
from echs.partners.market_ids import ForeignId, market_id_of, market_ids
from echs.partners.partner import Partner, PartyRole
from echs.partners.queries import is_active

DETAILS = {
    ForeignId.TOKEN_OF_ANOTHER: "another partner publishes this token already",
    ForeignId.CONTRACT_OF_ANOTHER: "the contract id begins with the market id of another partner",
    ForeignId.EVSE_OF_ANOTHER: (
        "another partner publishes this EVSE already, or its id begins with that one's market id"
    ),
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What of a list may be another's: the key that another list may have, what it is called then and which field it is
    of; and the field with an id that carries a market id, of which kind, and what that is called.
    """

    key: KeyForm
    taken: ForeignId
    key_field: str
    kind: PartyRole
    market: ForeignId
    market_field: str


def compare(
    context: Context,
    owner: Partner,
    lists: KeyedList,
    claims: Claims,
    upload: PayloadContent,
    problems: ProblemCollector,
) -> Counter[str]:
    """How many records of an upload are another partner's, by the name of the warning. Where the settings say that such
    an upload is refused, each is a problem instead.
    """
    taken = lists.of_others(context, owner.id, claims.key, lambda: keys_of(upload), is_active)
    with context.database.read() as snapshot:
        markets = {text for text, by in market_ids(snapshot, claims.kind).items() if by != owner.id}
    found: Counter[str] = Counter()
    if not taken and not markets:
        return found
    for positions, payloads in upload.placed():
        for position, payload, (key, carrier) in zip(positions, payloads, upload.form.claimed(payloads), strict=True):
            reasons = {}
            if taken and hash(key) in taken:
                reasons[claims.taken] = claims.key_field
            if markets and market_id_of(carrier) in markets:
                reasons.setdefault(claims.market, claims.market_field)
            for reason, field in reasons.items():
                if context.limits.refuse_foreign_ids:
                    label = upload.form.label(payload)
                    problems.add(Problem(reason, DETAILS[reason], position=position, field=field, label=label))
                else:
                    found[reason.value] += 1
    return found


def keys_of(upload: PayloadContent) -> set[int]:
    """The numbers of the keys of an upload."""
    return {hash(key) for payloads in upload.blocks() for key, _ in upload.form.claimed(payloads)}
