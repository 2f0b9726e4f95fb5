"""In which role a partner calls an operation: what it owns decides, and the group of navigation providers."""

from echs.base.errors import Reason, refuse
from echs.partners.partner import Group, Partner, PartyRole

MISSING = {
    PartyRole.OPERATOR: "this operation is for operators, and you have no operator id",
    PartyRole.PROVIDER: "this operation is for providers, and you have no provider id",
    None: "this operation is for operators and providers, and you have no id of either",
}


class RoleReason(Reason):
    """Why an operation is not the caller's."""

    ROLE_MISSING = "ROLE_MISSING"


def require_role(caller: Partner, role: PartyRole | None, *, navigation: bool = False) -> None:
    """See whether the caller has ids of this role, or of either; of some operations navigation providers need none.

    :raises Refused: ROLE_MISSING
    """
    if role is not PartyRole.PROVIDER and caller.operator_ids:
        return
    if role is not PartyRole.OPERATOR and caller.provider_ids:
        return
    if navigation and Group.NAVIGATION in caller.groups:
        return
    raise refuse(RoleReason.ROLE_MISSING, MISSING[role])


def refuse_navigation(caller: Partner) -> None:
    """Refuse who is a navigation provider and nothing else: drivers' tokens and CDRs are none of its affairs.

    :raises Refused: ROLE_MISSING
    """
    if caller.only_navigates:
        raise refuse(RoleReason.ROLE_MISSING, "a navigation provider reads charge points and their status alone")
