"""From the elements of a request to rows of texts, and from rows to the elements of an answer.

Reading is liberal in form: any prefix, any order of elements, absent and empty the same. It is strict in content: an
unknown element, one that stands twice or text where none belongs is a problem that names the place, since to drop data
in silence is worse. What is not read stays as it was sent, so that it can be handed back.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from echs.base.errors import Problem, Refused
from echs.base.fields import Field, FieldReason, field_problems
from echs.base.upload_validation import RecordBatch
from echs.lists.list_format import key_number
from echs.protocols.ochp14 import token_format
from echs.protocols.ochp14.contracts import Contract
from echs.protocols.ochp14.sent_record import SentRecord
from echs.protocols.ochp14.token_format import FORMAT
from echs.protocols.ochp14.tree_types import STRANGE_NAMESPACES
from echs.protocols.rows.payload import SEPARATOR, payload_of
from echs.protocols.soap.element import Element
from echs.protocols.soap.envelope_parser import NIL, split
from echs.protocols.soap.envelope_reader import EnvelopeReader
from echs.protocols.soap.record_fast_path import FieldShape, GroupShape, RecordShape

ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def leaf(name: str, noun_name: str) -> FieldShape:
    """A field of a token by its name on the wire and that of the noun."""
    return FieldShape(name, token_format.FIELDS[FORMAT.place(noun_name)])


EMT_ID = GroupShape(
    "EmtId",
    (leaf("instance", "instance"), leaf("tokenType", "token_type"), leaf("tokenSubType", "token_sub_type")),
    (leaf("representation", "representation"),),
)
# A token without the element that repeats it: its members in the order of the wire, which is that of a row.
TOKEN_MEMBERS: tuple[FieldShape | GroupShape, ...] = (
    EMT_ID,
    leaf("contractId", "contract_id"),
    leaf("printedNumber", "printed_number"),
    GroupShape("expiryDate", (leaf("DateTime", "expiry_date"),)),
)
REFUSED = "refusedRoamingAuthorisationInfo"


def token_shape(contract: Contract, element: str) -> RecordShape:
    """Tokens under the element that repeats them."""
    return RecordShape(contract.namespace, element, TOKEN_MEMBERS)


def received_tokens(reader: EnvelopeReader, shape: RecordShape) -> Iterator[SentRecord | RecordBatch | Problem]:
    """The tokens of a request: the regular ones in runs, the others one by one."""
    position = 0
    for item in reader.tree_records(shape):
        if isinstance(item, RecordBatch):
            position += len(item.rows)
            yield item
        else:
            yield sent_record(item, position, shape)
            position += 1


def sent_record(element: Element, position: int, shape: RecordShape) -> SentRecord:
    """One child of a request as a record, or what is wrong with it."""
    if element.name != shape.name:
        problem = stray(element, position, f"is not an element of this request; {shape.element} is")
        return SentRecord(element, (), (problem,))
    found = ElementReading(shape.namespace, position)
    values = found.members(element, shape.fields, (), "")
    label = ("contract_id", values[FORMAT.place("contract_id")]) if values[FORMAT.place("contract_id")] else None
    problems = tuple(
        Problem(each.reason, each.detail, position, each.field, label, each.field_as_sent) for each in found.problems
    )
    return SentRecord(element, tuple(values), problems)


def texts_of(root: Element, namespace: str, shapes: Sequence[FieldShape | GroupShape]) -> tuple[str, ...]:
    """The texts of the members of a small request, in the order of their shapes.

    :raises Refused: for whatever is wrong with them
    """
    found = ElementReading(namespace, None)
    values = found.members(root, shapes, (), "")
    problems = found.problems or list(field_problems(fields_of(shapes), values, None, None))
    if problems:
        raise Refused(problems, effect="Nothing was done.")
    return tuple(values)


def fields_of(shapes: Sequence[FieldShape | GroupShape]) -> list[Field]:
    """The fields of some shapes, in the order of their texts."""
    fields: list[Field] = []
    for shape in shapes:
        if isinstance(shape, GroupShape):
            fields += [*(attribute.field for attribute in shape.attributes), *fields_of(shape.members)]
        else:
            fields.append(shape.field)
    return fields


def stray(element: Element, position: int, detail: str) -> Problem:
    """An element that has no place there, or text."""
    if not element.name:
        return Problem(FieldReason.FIELD_NOT_TEXT, "there is text between the records", position=position)
    local = split(element.name)[1]
    return Problem(FieldReason.FIELD_UNKNOWN, detail, position=position, field=local, field_as_sent=True)


class ElementReading:
    """The texts of one element in the order of its shape, and what is wrong on the way."""

    def __init__(self, namespace: str, position: int | None) -> None:
        self.namespace, self.position = namespace, position
        self.problems: list[Problem] = []

    def members(
        self,
        element: Element,
        members: Sequence[FieldShape | GroupShape],
        attributes: Sequence[FieldShape],
        path: str,
    ) -> list[str]:
        """The texts of an element's attributes and of all that is in it; empty where there is none."""
        values = [self._attribute(element, each) for each in attributes]
        allowed = {name for each in attributes for name in (each.name, f"{self.namespace} {each.name}")}
        for name in element.attributes:
            if name not in allowed and split(name)[0] not in STRANGE_NAMESPACES:
                detail = "is not an attribute of this element"
                self._note(FieldReason.FIELD_UNKNOWN, detail, f"{path}@{split(name)[1]}")
        known: dict[str, Element] = {}
        names = {f"{self.namespace} {member.name}" for member in members}
        for child in element.children:
            place = path + split(child.name)[1]
            if child.name not in names:
                elsewhere = f"{self.namespace} {split(child.name)[1]}" in names
                detail = f"must be in the namespace {self.namespace}" if elsewhere else "is not an element of this type"
                self._note(FieldReason.FIELD_UNKNOWN, detail, place)
            elif child.name in known:
                self._note(FieldReason.FIELD_REPEATED, "stands more than once in this record", place)
            else:
                known[child.name] = child
        if element.text.strip():
            self._note(FieldReason.FIELD_NOT_TEXT, "there is text between its elements", path.rstrip("/") or None)
        for member in members:
            child_ = known.get(f"{self.namespace} {member.name}", ABSENT)
            if isinstance(member, GroupShape):
                values += self.members(child_, member.members, member.attributes, f"{path}{member.name}/")
            else:
                values.append(self._text(child_, member, path))
        return values

    def _attribute(self, element: Element, attribute: FieldShape) -> str:
        of_ours = element.attributes.get(f"{self.namespace} {attribute.name}", "")
        return element.attributes.get(attribute.name, of_ours).strip()

    def _text(self, element: Element, member: FieldShape, path: str) -> str:
        if element.children:
            self._note(FieldReason.FIELD_NOT_TEXT, "holds elements; only text may stand here", path + member.name)
            return ""
        # Where a value has a form, white space around it is layout (and for times the schema says so).
        return element.text.strip() if member.field.rule is not None else element.text

    def _note(self, reason: FieldReason, detail: str, place: str | None) -> None:
        self.problems.append(Problem(reason, detail, self.position, place, field_as_sent=place is not None))


ABSENT = Element("")


# ---------------------------------------------------------------------- out


def token_text(record: Iterable[str], element: str) -> str:
    """A token as it goes out, in the default namespace of the envelope that takes it in. The texts are escaped."""
    representation, instance, token_type, sub_type, contract_id, printed, expiry = record
    return (
        f'<{element}><EmtId representation="{token_format.written(representation)}"><instance>{instance}</instance>'
        f"<tokenType>{token_type}</tokenType>{optional('tokenSubType', sub_type)}</EmtId>"
        f"<contractId>{contract_id}</contractId>{optional('printedNumber', printed)}"
        f"<expiryDate><DateTime>{expiry}</DateTime></expiryDate></{element}>"
    )


def optional(name: str, text: str) -> str:
    """An element that is left out where it would be empty."""
    return f"<{name}>{text}</{name}>" if text else ""


def tokens_text(payloads: Sequence[str], element: str) -> bytes:
    """Tokens as they go out, from their payloads."""
    text = "\x1e".join(payloads)
    for sign, entity in ESCAPES:
        if sign in text:
            text = text.replace(sign, entity)
    return "".join([token_text(each.split(SEPARATOR), element) for each in text.split("\x1e")]).encode()


def refused_text(record: Any, contract: Contract) -> str:
    """A refused token as it was sent, as an element of the answer."""
    if isinstance(record, SentRecord):
        return element_text(record.element, contract.namespace, REFUSED)
    return tokens_text([payload_of(record)], REFUSED).decode()


def element_text(element: Element, namespace: str, name: str | None = None) -> str:
    """An element with all that is in it, ours without a prefix; ``name`` in the place of its own."""
    space, local = split(element.name)
    declared = "" if space == namespace or name is not None else f" xmlns={quoteattr(space)}"
    tag = name or local
    attributes = "".join(
        f" {key}={quoteattr(value)}" for key, value in element.attributes.items() if " " not in key and key != NIL
    )
    inside = "".join(element_text(child, space if declared else namespace) for child in element.children)
    return f"<{tag}{declared}{attributes}>{escape(element.text)}{inside}</{tag}>"


def number_of_refused(record: Any) -> int | None:
    """The number of the key of a refused token; None where it cannot be read."""
    row = record.row if isinstance(record, SentRecord) else tuple(record)
    if len(row) != len(token_format.FIELDS) or not row[FORMAT.place("instance")]:
        return None
    return key_number(next(iter(FORMAT.keys_of([row]))))
