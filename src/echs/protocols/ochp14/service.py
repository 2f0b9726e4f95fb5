"""OCHP 1.4 as a service of Spyne: the messages of one contract around its operations.

What Spyne is told of a request is its name, and whether records repeat in it: the operations read it themselves.
Records are no member that Spyne renders: they are spliced into the answer as they were drawn.
"""

from typing import Any

from spyne import ComplexModel, Service, Unicode, rpc

from echs.protocols.ochp14 import operations
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.results import OperationResult

ONE = {"min_occurs": 1, "max_occurs": 1, "nillable": False}
REPEATED = {"min_occurs": 0, "max_occurs": "unbounded", "nillable": False}


class Messages:
    """What Spyne is told of the messages of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._namespace = contract.namespace
        code = self._structure("ResultCodeType", resultCode=Unicode.customize(values=list(map(str, ResultCode)), **ONE))
        text = Unicode.customize(**ONE)
        self._code = code
        self._result = self._structure("Result", resultCode=code.customize(**ONE), resultDescription=text)
        self._record = self._structure("Record", text=text)

    def _structure(self, name: str, **members: Any) -> Any:
        return type(name, (ComplexModel,), {"__namespace__": self._namespace, "_type_info": list(members.items())})

    def operation(self, request: str, response: str, takes: str | None = None, gives: str | None = None) -> Any:
        """The decorator of an operation whose request repeats the element ``takes``, and whose response ``gives``."""
        record = self._record.customize(**REPEATED)
        returns = {"result": self._result.customize(**ONE), **({gives: record} if gives else {})}
        members = {takes: record} if takes else {"member": Unicode.customize(min_occurs=0, max_occurs=1)}
        return rpc(
            *members.values(),
            _args=tuple(members),
            _in_message_name=request,
            _out_message_name=response,
            _returns=tuple(returns.values()),
            _out_variable_names=tuple(returns),
        )

    def result(self, told: OperationResult) -> Any:
        """How it went, as the contract's type."""
        return self._result(resultCode=self._code(resultCode=told.code.value), resultDescription=told.text)


def service(contract: Contract) -> type[Service]:
    """The service under this contract."""
    messages = Messages(contract)

    class OCHP14(Service):  # type: ignore[misc]
        """OCHP 1.4."""

        @messages.operation(
            "SetRoamingAuthorisationListRequest",
            "SetRoamingAuthorisationListResponse",
            "roamingAuthorisationInfoArray",
            "refusedRoamingAuthorisationInfo",
        )
        def set_roaming_authorisation_list(ctx, reader):  # type: ignore[no-untyped-def]
            """Replace the caller's own tokens."""
            done = operations.set_roaming_authorisation_list(ctx.app.config, ctx.udc, reader, contract)
            return messages.result(done), []

        @messages.operation(
            "UpdateRoamingAuthorisationListRequest",
            "UpdateRoamingAuthorisationListResponse",
            "roamingAuthorisationInfoArray",
            "refusedRoamingAuthorisationInfo",
        )
        def update_roaming_authorisation_list(ctx, reader):  # type: ignore[no-untyped-def]
            """Add to the caller's own tokens, or change some."""
            done = operations.update_roaming_authorisation_list(ctx.app.config, ctx.udc, reader, contract)
            return messages.result(done), []

        @messages.operation(
            "GetRoamingAuthorisationListRequest",
            "GetRoamingAuthorisationListResponse",
            gives="roamingAuthorisationInfoArray",
        )
        def get_roaming_authorisation_list(ctx, reader):  # type: ignore[no-untyped-def]
            """Download the tokens of all partners that are valid now."""
            done = operations.get_roaming_authorisation_list(ctx.app.config, ctx.udc, reader, contract)
            return messages.result(done), []

        @messages.operation(
            "GetRoamingAuthorisationListUpdatesRequest",
            "GetRoamingAuthorisationListUpdatesResponse",
            gives="roamingAuthorisationInfo",
        )
        def get_roaming_authorisation_list_updates(ctx, reader):  # type: ignore[no-untyped-def]
            """Download the tokens that changed since a time."""
            done = operations.get_roaming_authorisation_list_updates(ctx.app.config, ctx.udc, reader, contract)
            return messages.result(done), []

        @messages.operation(
            "GetSingleRoamingAuthorisationRequest",
            "GetSingleRoamingAuthorisationResponse",
            gives="roamingAuthorisationInfo",
        )
        def get_single_roaming_authorisation(ctx, reader):  # type: ignore[no-untyped-def]
            """Look one token up."""
            done = operations.get_single_roaming_authorisation(ctx.app.config, ctx.udc, reader, contract)
            return messages.result(done), []

        @messages.operation(
            "UpdateTariffsRequest", "UpdateTariffsResponse", "TariffInfoArray", gives="refusedTariffInfo"
        )
        def update_tariffs(ctx, reader):  # type: ignore[no-untyped-def]
            """Add tariffs, or replace some."""
            return messages.result(operations.update_tariffs(ctx.app.config, ctx.udc, reader, contract)), []

        @messages.operation("GetTariffUpdatesRequest", "GetTariffUpdatesResponse", gives="TariffInfoArray")
        def get_tariff_updates(ctx, reader):  # type: ignore[no-untyped-def]
            """Download the tariffs that are for the caller, all or those that changed."""
            return messages.result(operations.get_tariff_updates(ctx.app.config, ctx.udc, reader, contract)), []

        @messages.operation("AddServiceEndpointsRequest", "AddServiceEndpointsResponse", "operatorEndpointArray")
        def add_service_endpoints(ctx, reader):  # type: ignore[no-untyped-def]
            """Put endpoints of OCHPdirect into the address book."""
            return messages.result(operations.add_service_endpoints(ctx.app.config, ctx.udc, reader, contract))

        @messages.operation("GetServiceEndpointsRequest", "GetServiceEndpointsResponse", gives="operatorEndpointArray")
        def get_service_endpoints(ctx, reader):  # type: ignore[no-untyped-def]
            """Get the endpoints of the partners of the other role."""
            return messages.result(operations.get_service_endpoints(ctx.app.config, ctx.udc, reader, contract)), []

    return OCHP14
