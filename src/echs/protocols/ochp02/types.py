"""The types of OCHP 0.2 as Spyne classes, for one contract. A test holds them against its hand-written WSDL."""

from typing import Any

from spyne import ComplexModel, Integer32, Unicode

from echs.protocols.ochp02.contracts import Contract
from echs.protocols.ochp02.wire_schema import NAMESPACE, RECORDS, WireRecord

ONE = {"min_occurs": 1, "max_occurs": 1, "nillable": False}
OPTIONAL = {"min_occurs": 0, "max_occurs": 1, "nillable": False}

ACCEPTED, DENIED = "Accepted", "Denied"

Text = Unicode.customize(**ONE)
Number = Integer32.customize(**ONE)
AuthResultType = Unicode.customize(
    type_name="AuthResultType", __namespace__=NAMESPACE, values=[ACCEPTED, DENIED], **ONE
)


class Types:
    """The types of one contract.

    ``text`` is a text that stands once in an answer; ``result`` is how an operation went (OCHP 0.2, 4.3), and
    ``result_value`` makes one; ``login_code`` is how Authenticate says it.
    """

    def __init__(self, contract: Contract) -> None:
        self.text = Text.customize(nillable=True) if contract.texts_are_nillable else Text
        # Spyne wants the member of a message customised, and its values not to be.
        self.result_value = structure("Result", [("resultCode", Number), ("resultDescription", self.text)])
        self.result = self.result_value.customize(**ONE)
        self.login_code = Number if contract.login_code_is_number else AuthResultType
        self._records = {
            record.element: record_class(record, all_mandatory=contract.fields_are_mandatory) for record in RECORDS
        }

    def repeated(self, record: WireRecord, minimum: int) -> Any:
        """A record that stands any number of times, straight in the message, with no wrapper around."""
        return self._records[record.element].customize(min_occurs=minimum, max_occurs="unbounded", nillable=False)


def record_class(record: WireRecord, *, all_mandatory: bool) -> Any:
    """The class of a record, from the table of names."""
    members = []
    for wire in record.fields:
        occurs = ONE if wire.field.mandatory or all_mandatory else OPTIONAL
        members.append((wire.name, (Integer32 if wire.field.integer else Unicode).customize(**occurs)))
    return structure(record.type_name, members)


def structure(name: str, members: list[tuple[str, Any]]) -> Any:
    """A class of Spyne's with these members."""
    return type(name, (ComplexModel,), {"__namespace__": NAMESPACE, "_type_info": members})
