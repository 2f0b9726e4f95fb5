"""Uploads of tokens as no client writes them, from a seed; and what they mean, read by lxml and judged by the schema.

Most records are regular ones, as generated clients write them, so that runs of them are taken past the parser; among
them stand records with entities, CDATA, comments that hold end tags, white space, other orders, absent and closed
fields, wrong values. A third of the documents is damaged by a few bytes.
"""

import random
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from echs.base.resources import contracts
from echs.partners.partner import Partner
from echs.protocols.ochp02.token_format import FORMAT, TokenRecord
from echs.protocols.ochp02.wire_schema import NAMESPACE, ROAMING_AUTHORISATION_INFO
from wire import SOAP_11

NS = f"{{{NAMESPACE}}}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
RECORD = ROAMING_AUTHORISATION_INFO
NAMES = [wire.name for wire in RECORD.fields]
REQUEST = "SetRoamingAuthorisationListRequest"
Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Style:
    """How a document spells its names: a prefix, and where it is declared."""

    prefix: str
    on_record: bool = False

    def tag(self, name: str) -> str:
        return f"{self.prefix}:{name}" if self.prefix else name

    @property
    def declaration(self) -> str:
        return f'xmlns:{self.prefix}="{NAMESPACE}"' if self.prefix else f'xmlns="{NAMESPACE}"'


# What makes a value of an otherwise regular record mean something else than it says, or nothing.
PINCHES = (
    *(
        "&#233;",
        "&#9;",
        "&#x26;",
        "&x;",
        "&amp",
        "&",
        "&amp;lt;",
        "&quot;",
        "&apos;&gt;",
        "]]>",
        "]]&gt;",
        ">",
        "]]",
        "<",
    ),
    *(
        "\u00a0",
        "\u0085",
        "\u2028",
        "\ufffe",
        "\x7f",
        "\x01",
        "\t",
        "\r\n",
        "\r",
        "\u0141",
        "\U0001f600",
        "\u00ad",
        "\\",
    ),
    *("<!---->", "<![CDATA[]]>", "<?x?>"),
)
STYLES = (Style("n"), Style(""), Style("soap_0.1-x"), Style("r", on_record=True))


class Fuzzer:
    """Documents one after the other, always the same ones from the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.number = 0
        self.pinch = 0.0

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def document(self) -> tuple[bytes, int]:
        """A document, and in pieces of which size it comes."""
        style = self.chance.choice(STYLES)
        layout = self.chance.choice(("", "", "", "\n  ", " ", "\r\n\t"))
        odd = self.chance.choice((0.0, 0.02, 0.2, 0.7))
        self.pinch = self.chance.choice((0.0, 0.0, 0.01, 0.2))
        records = [self.record(style, odd, layout) for _ in range(self.chance.choice((1, 2, 5, 12, 40)))]
        if self.often(odd / 2):
            noise = ("<!-- x -->", "text", f"<{style.tag('other')}/>", "<!-- </a> -->", "&amp;", "<![CDATA[ ]]>")
            records.insert(self.chance.randrange(len(records) + 1), self.chance.choice(noise))
        content = layout.join(records).encode()
        if self.often(0.33):
            content = self.damaged(content)
        operation = f"<{style.tag(REQUEST)}>" if not style.on_record else f'<q:{REQUEST} xmlns:q="{NAMESPACE}">'
        end = f"</{style.tag(REQUEST)}>" if not style.on_record else f"</q:{REQUEST}>"
        declared = "" if style.on_record else f" {style.declaration}"
        before = (
            f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"{declared}><s:Body>'
        )
        document = f"{before}{operation}".encode() + content + f"{end}</s:Body></s:Envelope>".encode()
        size = self.chance.choice((1, 3, 17, 130, 700, 700, 700, 5000, 65536))
        return document, size if size > 17 or len(document) < 3000 else 130

    def record(self, style: Style, odd: float, layout: str) -> str:
        self.number += 1
        strange = self.often(odd)
        values = dict(zip(NAMES, map(str, self.values()), strict=True))
        names = list(NAMES)
        if strange and self.often(0.2):
            self.chance.shuffle(names)
        if strange and self.often(0.2):
            names.remove(self.chance.choice(names))
        if strange and self.often(0.05):
            names.append(self.chance.choice((*NAMES, "colour")))
        inside = layout if strange or layout else ""
        fields = [self.field(style, name, values.get(name, "x"), strange) for name in names]
        tag = style.tag(RECORD.element)
        start = f"{tag} {style.declaration}" if style.on_record else tag
        return f"<{start}>{inside}{inside.join(fields)}{inside}</{tag}>"

    def values(self) -> list[object]:
        letters = "ABCDEF0123456789"
        text = "".join(self.chance.choices(letters, k=self.chance.randrange(1, 20)))
        pin = self.chance.choice(("", "", "1234"))
        printed = self.chance.choice(("", text, "Łódź 1", "a & b", "x" * 150))
        return [f"NL-TNM-{text}", 5, self.number % 4, f"{self.number}{text}", printed, "31/12/2030", pin, 0, 1, ""]

    def field(self, style: Style, name: str, value: str, strange: bool) -> str:
        tag = style.tag(name)
        text = escape(value)
        if name in ("evcoId", "printedNumber", "hash") and self.often(self.pinch):
            return f"<{tag}>{text}{self.chance.choice(PINCHES)}</{tag}>"
        if not strange or self.often(0.7):
            if not text and strange:
                return self.chance.choice((f"<{tag}/>", f"<{tag} />", f"<{tag}></{tag}>", f'<{tag} i:nil="true"/>'))
            return f"<{tag}>{text}</{tag}>"
        half = len(value) // 2
        one, two = escape(value[:half]), escape(value[half:])
        spelt = (
            f"{one}<!-- </{tag}></{style.tag(RECORD.element)}> -->{two}",
            f"<![CDATA[{value}]]>" if "]]>" not in value else text,
            "".join(f"&#{ord(sign)};" for sign in value),
            f" {text} ",
            text + self.chance.choice(("\u00a0", "]]", "]]&gt;", "&lt;", "&quot;&apos;", "é", "😀", "\u2028", "&#9;")),
            text + self.chance.choice(("\n", "\t", "\r", "\x7f", "x" * 70, "&amp;" * 40, ">", "'\"")),
            self.chance.choice(("", " ", "0", "05", "+5", "-1", "seven", "31/02/2030", "1234567890")),
            f"{text}<{tag}/>",
        )
        attributes = self.chance.choice(("", "", "", ' i:type="x:string"', ' i:nil="false"', ' i:nil="true"'))
        return f"<{tag}{attributes}>{self.chance.choice(spelt)}</{tag}>"

    def damaged(self, content: bytes) -> bytes:
        data = bytearray(content)
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            at = self.chance.randrange(len(data) + 1)
            match self.chance.randrange(5):
                case 0:
                    data[at : at + 1] = bytes([self.chance.randrange(256)])
                case 1:
                    del data[at : at + self.chance.choice((1, 1, 3, 30))]
                case 2:
                    data[at:at] = self.chance.choice((b"<", b">", b"&", b"]]>", b"\x00", b"\xc3", b"<!--", b"</n:pin>"))
                case 3:
                    other = self.chance.randrange(len(data) + 1)
                    data[at:at] = data[other : other + self.chance.randrange(200)]
                case _:
                    data[at : at + 2] = data[at : at + 2][::-1]
        return bytes(data)


# ---------------------------------------------------------------------- what it means


class Refused(Exception):
    """The document is none that may be accepted."""


def schema() -> etree.XMLSchema:
    """The schema of the specified contract."""
    document = etree.parse(str(contracts() / "ochp-0.2.wsdl"))
    found = document.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    # By itself, with the prefixes that are declared above it.
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


class Oracle:
    """Reads with lxml, judges with the contract's schema and with the rules of the room, one record after the other."""

    def __init__(self, owner: Partner) -> None:
        self.owner = owner
        self.schema = schema()
        self.parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)

    def rows(self, document: bytes) -> Rows:
        """The rows of the list that the document makes.

        :raises Refused: it makes none
        """
        try:
            root = etree.fromstring(document, self.parser)
        except etree.XMLSyntaxError as error:
            raise Refused(str(error)) from None
        request = self.request(root)
        if any(not isinstance(element.tag, str) for element in root.iter()):
            raise Refused("a processing instruction or an entity")
        plain = etree.Element(request.tag, nsmap={None: NAMESPACE})
        if (request.text or "").strip(" \t\r\n"):
            raise Refused("text before the records")
        for record in request:
            if (record.tail or "").strip(" \t\r\n"):
                raise Refused("text between the records")
            plain.append(self.in_order(record))
        if not len(plain) or not self.schema.validate(plain):
            raise Refused(str(self.schema.error_log.last_error))
        return self.judged([tuple(field.text or "" for field in record) for record in plain])

    def request(self, root: etree._Element) -> etree._Element:
        if root.tag != f"{{{SOAP_11}}}Envelope" or [part.tag for part in root] != [f"{{{SOAP_11}}}Body"]:
            raise Refused("no envelope")
        (body,) = root
        texts = [root.text, body.text, body.tail, *(child.tail for child in body)]
        if len(body) != 1 or any((text or "").strip() for text in texts):
            raise Refused("something beside the request")
        return body[0]

    def in_order(self, record: etree._Element) -> etree._Element:
        """The record with every field, in the order of the contract, as its schema wants it."""
        known = {f"{NS}{name}": [] for name in NAMES}
        plain = etree.Element(record.tag)
        texts = [record.text, *(field.tail for field in record)]
        for field in record:
            known.setdefault(field.tag, []).append(field)
        for tag, fields in known.items():
            for field in fields:
                made = etree.SubElement(plain, tag)
                nil = field.get(NIL, "").strip() in ("1", "true")
                text = field.text or ""
                if len(field) or (nil and text.strip()):
                    etree.SubElement(made, "nested")
                made.text = "" if nil else text
            if not fields and tag.removeprefix(NS) in NAMES:
                etree.SubElement(plain, tag)
        if any((text or "").strip() for text in texts):
            etree.SubElement(plain, "stray")
        return plain

    def judged(self, rows: Rows) -> Rows:
        kept: dict[tuple[str, str], tuple[str, ...]] = {}
        for position, row in enumerate(rows):
            values: list[object] = list(row)
            for place, wire in enumerate(RECORD.fields):
                if wire.field.integer:
                    values[place] = int(row[place])
                    if abs(int(row[place])) > 999_999_999:
                        raise Refused("a number of more than nine digits")
            record = TokenRecord._make(values)
            if any(FORMAT.problems_of(record, position, self.owner)):
                raise Refused("a rule")
            whole = tuple(map(str, record))
            if kept.setdefault((whole[2], whole[3]), whole) != whole:
                raise Refused("twice")
        return list(kept.values())
