"""Who issues statements: the clearing house's name, address, register, number for VAT and logo, as settings give them.

Each run keeps them as they stood, so that its statements say the same for ever.
"""

import hashlib
import io
import json
from dataclasses import dataclass

from echs.statements.svg import BadDrawing, read_drawing

PNG_BEGIN = b"\x89PNG\r\n\x1a\n"
LOGO_BYTES = 256 * 1024
LOGO_PIXELS = 2_000_000
LOGO_SIDE_PIXELS = 4000


class BadLogo(Exception):
    """The file cannot be a logo; the message says why, in a sentence for who set it."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Name, lines of the address, entry in a register, number for VAT; the logo as a PNG or SVG file, if there is one.

    Each is empty where it is not set.
    """

    name: str = ""
    address: tuple[str, ...] = ()
    register: str = ""
    vat_id: str = ""
    logo: bytes | None = None

    @property
    def facts(self) -> str:
        """Everything but the logo, as JSON."""
        facts = {"name": self.name, "address": self.address, "register": self.register, "vat_id": self.vat_id}
        return json.dumps(facts, ensure_ascii=False, sort_keys=True)

    @property
    def hash(self) -> str:
        """SHA-256 of the facts and of the logo, in hex: what a run keeps of its issuer."""
        logo = b"" if self.logo is None else hashlib.sha256(self.logo).digest()
        return hashlib.sha256(self.facts.encode() + b"\0" + logo).hexdigest()


# Where the settings name none.
NOBODY = Issuer()


def issuer_of(facts: str, logo: bytes | None) -> Issuer:
    """The issuer of facts and logo as they were kept."""
    told = json.loads(facts)
    return Issuer(told["name"], tuple(told["address"]), told["register"], told["vat_id"], logo)


def is_png(logo: bytes) -> bool:
    """Whether the file is a PNG; otherwise it is an SVG."""
    return logo.startswith(PNG_BEGIN)


def check_logo(logo: bytes) -> None:
    """Read a logo as it will be drawn, so that what is wrong with it is said at the start and not on a statement.

    :raises BadLogo: neither PNG nor SVG, broken, or larger than the limits
    """
    if len(logo) > LOGO_BYTES:
        raise BadLogo(f"the logo has more than the {LOGO_BYTES} bytes that are allowed")
    if is_png(logo):
        check_png(logo)
        return
    try:
        read_drawing(logo)
    except BadDrawing as error:
        raise BadLogo(f"the logo is no PNG, and as SVG {error}") from None


def check_png(logo: bytes) -> None:
    """As `check_logo`, of a PNG.

    :raises BadLogo: it is broken, or has too many pixels
    """
    from PIL import Image

    width, height = int.from_bytes(logo[16:20]), int.from_bytes(logo[20:24])
    if max(width, height) > LOGO_SIDE_PIXELS or width * height > LOGO_PIXELS:
        most = f"at most {LOGO_SIDE_PIXELS} on a side and {LOGO_PIXELS} in all are allowed"
        raise BadLogo(f"the logo has {width} x {height} pixels; {most}")
    try:
        with Image.open(io.BytesIO(logo), formats=["PNG"]) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise BadLogo("the logo is a PNG that cannot be read: it is broken or cut off") from None
