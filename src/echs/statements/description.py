"""What a PDF says of itself, in both places where readers and archives look: its information and its XMP packet."""

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFInfo, PDFName, PDFStream, PDFString

CREATOR, PRODUCER = "eCHS", "eCHS with ReportLab"
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<pdf:Producer>{producer}</pdf:Producer>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{date}</xmp:CreateDate>
<xmp:ModifyDate>{date}</xmp:ModifyDate>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


class Description(PDFInfo):  # type: ignore[misc]
    """The information of the file. Its dates are those of the document, and no time of drawing."""

    def __init__(self, title: str, author: str, subject: str, date: datetime) -> None:
        super().__init__()
        self.title, self.author, self.subject, self.date = title, author, subject, date

    def format(self, document: Any) -> Any:
        """The dictionary as bytes of the file."""
        texts = {
            "Title": self.title,
            "Author": self.author,
            "Subject": self.subject,
            "Creator": CREATOR,
            "Producer": PRODUCER,
            "CreationDate": self.date.strftime("D:%Y%m%d%H%M%S+00'00'"),
            "ModDate": self.date.strftime("D:%Y%m%d%H%M%S+00'00'"),
        }
        return PDFDictionary({name: PDFString(text) for name, text in texts.items()}).format(document)


def describe(canvas: Any, title: str, author: str, subject: str, date: datetime) -> None:
    """Write title, author, subject and date into the file of a canvas."""
    document, whole = canvas._doc, date.astimezone(UTC).replace(microsecond=0)
    document.info = Description(title, author, subject, whole)
    facts = {"title": title, "author": author, "subject": subject, "creator": CREATOR, "producer": PRODUCER}
    told = {name: escape(text) for name, text in facts.items()}
    packet = XMP.format(**told, date=whole.strftime("%Y-%m-%dT%H:%M:%S+00:00")).encode()
    metadata = PDFStream(PDFDictionary({"Type": PDFName("Metadata"), "Subtype": PDFName("XML")}), packet)
    metadata.filters = []  # archives read it without inflating
    document.Catalog.Metadata = metadata
