"""OCHP 0.2 as a service of Spyne: the messages of one contract around the operations that both share."""

from typing import Any

from spyne import Service, rpc

from echs.protocols.ochp02 import operations
from echs.protocols.ochp02.codes import OK
from echs.protocols.ochp02.contracts import Contract
from echs.protocols.ochp02.operations import DeliveryAnswer, LoginAnswer, OperationResult
from echs.protocols.ochp02.types import ACCEPTED, DENIED, Text, Types
from echs.protocols.ochp02.wire_schema import CDR_INFO, CHARGEPOINT_INFO, ROAMING_AUTHORISATION_INFO, WireRecord


class Messages:
    """The messages of one contract: what Spyne is told of them, and how answers are put into them.

    Records are no member that Spyne renders: they are spliced into the answer as they were drawn.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.types = Types(contract)
        self.delivery_order = ("docLink", "result") if contract.link_before_result else ("result", "docLink")

    def operation(self, name: str, returns: dict[str, Any], **takes: Any) -> Any:
        """The decorator that makes an operation of this name, with these members in the request and in the response."""
        return rpc(
            *takes.values(),
            _args=tuple(takes),
            _in_message_name=f"{name}Request",
            _out_message_name=f"{name}Response",
            _returns=tuple(returns.values()),
            _out_variable_names=tuple(returns),
        )

    def upload(self, name: str, record: WireRecord) -> Any:
        """An operation that takes records and answers with a result."""
        return self.operation(name, {"result": self.types.result}, **{record.element: self.types.repeated(record, 1)})

    def download(self, name: str, record: WireRecord) -> Any:
        """An operation that takes nothing and answers with a result and records."""
        return self.operation(name, {"result": self.types.result, record.element: self.types.repeated(record, 0)})

    def result(self, told: OperationResult) -> Any:
        """How it went, as the contract's type."""
        return self.types.result_value(resultCode=told.code, resultDescription=told.text)

    def login(self, answer: LoginAnswer) -> tuple[Any, str, str]:
        """The members of AuthenticateResponse. Where it has no number, the reason begins the description."""
        code, text = answer.told
        if self.contract.login_code_is_number:
            return code, text, answer.token
        return ACCEPTED if code == OK else DENIED, text, answer.token

    def delivery(self, answer: DeliveryAnswer) -> tuple[Any, ...]:
        """The members of GetCDRsResponse, in the contract's order."""
        members = {"result": self.result(answer.told), "docLink": answer.doc_link}
        return (*(members[name] for name in self.delivery_order), [])

    def delivery_members(self) -> dict[str, Any]:
        """What GetCDRsResponse has, in the contract's order."""
        types = {"result": self.types.result, "docLink": Text}
        ordered = {name: types[name] for name in self.delivery_order}
        return {**ordered, CDR_INFO.element: self.types.repeated(CDR_INFO, 0)}


def service(contract: Contract) -> type[Service]:
    """The service under this contract."""
    messages = Messages(contract)
    types = messages.types
    result = {"result": types.result}

    class OCHP(Service):  # type: ignore[misc]
        """OCHP 0.2."""

        @messages.operation(
            "Authenticate",
            {"resultCode": types.login_code, "resultDescription": types.text, "authToken": types.text},
            userId=Text,
            password=Text,
        )
        def authenticate(ctx, user_id, password):  # type: ignore[no-untyped-def]
            """Log in with user id and password; the answer has the token for every other request."""
            return messages.login(operations.authenticate(ctx.app.config, ctx.udc, user_id, password))

        @messages.upload("AddCDRs", CDR_INFO)
        def add_cdrs(ctx, reader):  # type: ignore[no-untyped-def]
            """Upload charge detail records."""
            return messages.result(operations.add_cdrs(ctx.app.config, ctx.udc, reader))

        @messages.operation("GetCDRs", messages.delivery_members())
        def get_cdrs(ctx):  # type: ignore[no-untyped-def]
            """Download the cleared charge detail records that concern the caller."""
            return messages.delivery(operations.get_cdrs(ctx.app.config, ctx.udc))

        @messages.operation("ClearCDRs", result)
        def clear_cdrs(ctx):  # type: ignore[no-untyped-def]
            """Clear every pending charge detail record; for administrators."""
            return messages.result(operations.clear_cdrs(ctx.app.config, ctx.udc))

        @messages.download("GetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO)
        def get_roaming_authorisation_list(ctx):  # type: ignore[no-untyped-def]
            """Download the roaming lists of all partners."""
            return messages.result(operations.get_roaming_authorisation_list(ctx.app.config, ctx.udc)), []

        @messages.upload("SetRoamingAuthorisationList", ROAMING_AUTHORISATION_INFO)
        def set_roaming_authorisation_list(ctx, reader):  # type: ignore[no-untyped-def]
            """Replace the caller's own roaming list."""
            return messages.result(operations.set_roaming_authorisation_list(ctx.app.config, ctx.udc, reader))

        @messages.download(f"Get{contract.chargepoint}List", CHARGEPOINT_INFO)
        def get_chargepoint_list(ctx):  # type: ignore[no-untyped-def]
            """Download the charge point lists of all partners."""
            return messages.result(operations.get_chargepoint_list(ctx.app.config, ctx.udc)), []

        @messages.upload(f"Set{contract.chargepoint}List", CHARGEPOINT_INFO)
        def set_chargepoint_list(ctx, reader):  # type: ignore[no-untyped-def]
            """Replace the caller's own charge point list."""
            return messages.result(operations.set_chargepoint_list(ctx.app.config, ctx.udc, reader))

    return OCHP
