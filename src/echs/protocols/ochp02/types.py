"""The messages of OCHP 0.2 as Spyne classes. A test holds them against the hand-written WSDL, element by element."""

from typing import Any

from spyne import ComplexModel, Integer32, Unicode

from echs.protocols.ochp02.names import CDR_INFO, CHARGEPOINT_INFO, NAMESPACE, ROAMING_AUTHORISATION_INFO, WireRecord

ONE = {"min_occurs": 1, "max_occurs": 1, "nillable": False}
OPTIONAL = {"min_occurs": 0, "max_occurs": 1, "nillable": False}

ACCEPTED, DENIED = "Accepted", "Denied"

Text = Unicode.customize(**ONE)
AuthResultType = Unicode.customize(
    type_name="AuthResultType", __namespace__=NAMESPACE, values=[ACCEPTED, DENIED], **ONE
)


class Result(ComplexModel):  # type: ignore[misc]
    """How an operation went: 0 is ok (OCHP 0.2, 4.3)."""

    __namespace__ = NAMESPACE
    _type_info = [("resultCode", Integer32.customize(**ONE)), ("resultDescription", Text)]  # noqa: RUF012 - Spyne's way


def record_class(record: WireRecord) -> Any:
    """The class of a record, from the table of names."""
    members = []
    for wire in record.fields:
        occurs = ONE if wire.field.mandatory else OPTIONAL
        members.append((wire.name, (Integer32 if wire.is_integer else Unicode).customize(**occurs)))
    return type(record.type_name, (ComplexModel,), {"__namespace__": NAMESPACE, "_type_info": members})


def repeated(record: WireRecord, minimum: int) -> Any:
    """A record that stands any number of times, straight in the message, with no wrapper around."""
    return CLASSES[record.type_name].customize(min_occurs=minimum, max_occurs="unbounded", nillable=False)


CLASSES = {
    record.type_name: record_class(record) for record in (CDR_INFO, ROAMING_AUTHORISATION_INFO, CHARGEPOINT_INFO)
}
MandatoryResult = Result.customize(**ONE)
