"""OCHP 1.4 as a service of Spyne: the messages of one contract around its operations.

What Spyne is told of a request is its name, and whether records repeat in it: the operations read it themselves.
Records are no member that Spyne renders: they are spliced into the answer as they were drawn.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from spyne import ComplexModel, Service, Unicode, rpc

from echs.config.app_context import AppContext
from echs.protocols.ochp14 import (
    cdr_operations,
    charge_point_operations,
    direct_operations,
    live_operations,
    tariff_operations,
    token_operations,
)
from echs.protocols.ochp14.codes import ResultCode
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.operation_frame import OchpRequest
from echs.protocols.ochp14.results import OperationResult
from echs.protocols.soap.envelope_reader import EnvelopeReader

Work = Callable[[AppContext, OchpRequest, EnvelopeReader, Contract], OperationResult]

ONE = {"min_occurs": 1, "max_occurs": 1, "nillable": False}
REPEATED = {"min_occurs": 0, "max_occurs": "unbounded", "nillable": False}


class Messages:
    """What Spyne is told of the messages of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract, self._namespace = contract, contract.namespace
        code = self._structure("ResultCodeType", resultCode=Unicode.customize(values=list(map(str, ResultCode)), **ONE))
        text = Unicode.customize(**ONE)
        self._code = code
        self._result = self._structure("Result", resultCode=code.customize(**ONE), resultDescription=text)
        self._record = self._structure("Record", text=text)

    def _structure(self, name: str, **members: Any) -> Any:
        return type(name, (ComplexModel,), {"__namespace__": self._namespace, "_type_info": list(members.items())})

    def served(self, operation: "Served") -> Any:
        """An operation as a method of Spyne's service."""
        record = self._record.customize(**REPEATED)
        returns = {"result": self._result.customize(**ONE)} if operation.result else {}
        returns |= {operation.gives: record} if operation.gives else {}
        members = {"member": Unicode.customize(min_occurs=0, max_occurs=1)}
        if operation.takes:
            members = {operation.takes: record}

        def called(ctx: Any, reader: EnvelopeReader) -> Any:
            done = operation.work(ctx.app.config, ctx.udc, reader, self._contract)
            if not operation.result:
                return []
            return (self.result(done), []) if operation.gives else self.result(done)

        called.__name__ = operation.work.__name__
        return rpc(
            *members.values(),
            _args=tuple(members),
            _in_message_name=f"{operation.message}Request",
            _out_message_name=f"{operation.message}Response",
            _returns=tuple(returns.values()),
            _out_variable_names=tuple(returns),
        )(called)

    def result(self, told: OperationResult) -> Any:
        """How it went, as the contract's type."""
        return self._result(resultCode=self._code(resultCode=told.code.value), resultDescription=told.text)


class Served(NamedTuple):
    """An operation: the name of its messages without "Request" and "Response", what does it, the element that
    repeats in its request, and the one that repeats in its response.
    """

    message: str
    work: Work
    takes: str | None = None
    gives: str | None = None
    # Whether its response says how it went; else a refusal is a fault.
    result: bool = True


SERVED = (
    Served(
        "SetRoamingAuthorisationList",
        token_operations.set_roaming_authorisation_list,
        takes="roamingAuthorisationInfoArray",
        gives="refusedRoamingAuthorisationInfo",
    ),
    Served(
        "UpdateRoamingAuthorisationList",
        token_operations.update_roaming_authorisation_list,
        takes="roamingAuthorisationInfoArray",
        gives="refusedRoamingAuthorisationInfo",
    ),
    Served(
        "GetRoamingAuthorisationList",
        token_operations.get_roaming_authorisation_list,
        gives="roamingAuthorisationInfoArray",
    ),
    Served(
        "GetRoamingAuthorisationListUpdates",
        token_operations.get_roaming_authorisation_list_updates,
        gives="roamingAuthorisationInfo",
    ),
    Served(
        "GetSingleRoamingAuthorisation",
        token_operations.get_single_roaming_authorisation,
        gives="roamingAuthorisationInfo",
    ),
    Served(
        "SetChargePointList",
        charge_point_operations.set_charge_point_list,
        takes="chargePointInfoArray",
        gives="refusedChargePointInfo",
    ),
    Served(
        "UpdateChargePointList",
        charge_point_operations.update_charge_point_list,
        takes="chargePointInfoArray",
        gives="refusedChargePointInfo",
    ),
    Served("GetChargePointList", charge_point_operations.get_charge_point_list, gives="chargePointInfoArray"),
    Served(
        "GetChargePointListUpdates",
        charge_point_operations.get_charge_point_list_updates,
        gives="chargePointInfoArray",
    ),
    Served("AddCDRs", cdr_operations.add_cdrs, takes="cdrInfoArray", gives="implausibleCdrsArray"),
    Served("CheckCDRs", cdr_operations.check_cdrs, gives="cdrInfoArray"),
    Served("GetCDRs", cdr_operations.get_cdrs, gives="cdrInfoArray"),
    Served("ConfirmCDRs", cdr_operations.confirm_cdrs, takes="approved"),
    Served("UpdateStatus", live_operations.update_status, takes="evse"),
    Served("GetStatus", live_operations.get_status, gives="evse", result=False),
    Served("UpdateTariffs", tariff_operations.update_tariffs, takes="TariffInfoArray", gives="refusedTariffInfo"),
    Served("GetTariffUpdates", tariff_operations.get_tariff_updates, gives="TariffInfoArray"),
    Served("AddServiceEndpoints", direct_operations.add_service_endpoints, takes="operatorEndpointArray"),
    Served("GetServiceEndpoints", direct_operations.get_service_endpoints, gives="operatorEndpointArray"),
)


def service(contract: Contract) -> type[Service]:
    """The service under this contract."""
    messages = Messages(contract)
    served = {each.work.__name__: messages.served(each) for each in SERVED}
    found: type[Service] = type(Service)("OCHP14", (Service,), served)
    return found
