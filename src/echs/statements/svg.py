"""A logo in SVG as shapes that a PDF canvas can draw: paths, filled and stroked in plain colours.

Logos are lines and areas, and that is what is read: path, rect, circle, ellipse, line, polyline, polygon, in groups,
with transforms and with colours as attributes or in ``style``. Whatever else would be drawn (text, gradients, pictures,
masks, style sheets) is refused by name, so that no statement goes out with half a logo.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

from reportlab.lib.colors import Color, toColor

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS, POINTS = 2000, 50_000
DEPTH = 32
# A circle of four curves: how far their handles reach, of the radius.
HANDLE = 0.5522847498
SILENT = ("title", "desc", "metadata", "defs", "namedview")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
TRANSFORM = re.compile(r"\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)[\s,]*")
LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?:px|pt|mm|cm|in)?\s*")
INHERITED = ("fill", "stroke", "stroke-width", "fill-rule", "fill-opacity", "stroke-opacity", "opacity", "color")
PARAMETERS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
# A step is "M", "L" or "C" with one or three points, or "Z" with none.
Step = tuple[str, tuple[Point, ...]]
UNMOVED: Matrix = (1, 0, 0, 1, 0, 0)


class BadDrawing(Exception):
    """The SVG cannot be drawn; the message goes on a sentence that begins with it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One path, in the units of the drawing, y downwards: filled, stroked, or both."""

    steps: tuple[Step, ...]
    fill: Color | None
    stroke: Color | None
    stroke_width: float
    even_odd: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Its size in its own units, and its shapes from the lowest to the highest."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def read_drawing(data: bytes) -> Drawing:
    """The drawing of an SVG file.

    :raises BadDrawing: it is not XML, not SVG, too large, or has something that is not drawn
    """
    if b"<!ENTITY" in data:
        raise BadDrawing("it defines entities, which are not read")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - the operator's own file, and without entities
    except ElementTree.ParseError:
        raise BadDrawing("it is not XML") from None
    if root.tag != f"{SVG}svg":
        raise BadDrawing("it does not begin with an svg element")
    if sum(1 for _ in root.iter()) > ELEMENTS:
        raise BadDrawing(f"it has more than {ELEMENTS} elements")
    try:
        left, top, width, height = frame(root)
        shapes = tuple(shapes_of(root, (1, 0, 0, 1, -left, -top), {}, 0))
    except (ValueError, OverflowError, ZeroDivisionError):
        raise BadDrawing("it has a number, a colour or a path that cannot be read") from None
    if not shapes:
        raise BadDrawing("it draws nothing")
    if sum(len(shape.steps) for shape in shapes) > POINTS:
        raise BadDrawing(f"it has more than {POINTS} points")
    return Drawing(width, height, shapes)


def frame(root: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, width and height of what is seen."""
    box = root.get("viewBox")
    found = numbers(box) if box else [0.0, 0.0, length(root.get("width")), length(root.get("height"))]
    if len(found) != 4 or found[2] <= 0 or found[3] <= 0:
        raise BadDrawing("it has neither a viewBox nor width and height")
    return found[0], found[1], found[2], found[3]


def shapes_of(element: ElementTree.Element, matrix: Matrix, style: Mapping[str, str], depth: int) -> Iterator[Shape]:
    """The shapes of an element and of what is in it."""
    if depth > DEPTH:
        raise BadDrawing("its groups are nested too deep")
    namespace, _, name = str(element.tag).rpartition("}")
    if namespace + "}" != SVG or name in SILENT:
        return  # what editors note down for themselves
    own = styled(element, style)
    if own.get("display") == "none":
        return
    matrix = times(matrix, transform(element.get("transform", "")))
    if name in ("svg", "g", "a"):
        if element.get("clip-path") or element.get("mask") or element.get("filter"):
            raise BadDrawing("it clips, masks or filters, which is not drawn")
        for child in element:
            yield from shapes_of(child, matrix, own, depth + 1)
        return
    steps = OUTLINES.get(name)
    if steps is None:
        raise BadDrawing(f"it has an element {name}, which is not drawn: make it paths, or give a PNG")
    outline = tuple((kind, tuple(moved(matrix, point) for point in points)) for kind, points in steps(element))
    scale = math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))
    shape = Shape(
        outline,
        colour(own, "fill", "black"),
        colour(own, "stroke", "none"),
        length(own.get("stroke-width", "1")) * scale,
        own.get("fill-rule") == "evenodd",
    )
    if outline and (shape.fill is not None or shape.stroke is not None):
        yield shape


def styled(element: ElementTree.Element, above: Mapping[str, str]) -> dict[str, str]:
    """The presentation of an element: what it inherits, its attributes, and before both what ``style`` says."""
    if element.get("class"):
        raise BadDrawing("it has classes of a style sheet, which are not read: save it with plain attributes")
    own = {name: above[name] for name in INHERITED if name in above and name != "opacity"}
    own.update({name: value.strip() for name, value in element.attrib.items() if name in (*INHERITED, "display")})
    for entry in element.get("style", "").split(";"):
        name, _, value = entry.partition(":")
        if name.strip() in (*INHERITED, "display"):
            own[name.strip()] = value.strip()
    for name in ("opacity", "fill-opacity", "stroke-opacity"):
        if own.get(name, "1") not in ("1", "1.0", "100%"):
            raise BadDrawing("it is transparent in parts, which is not drawn")
    return own


def colour(style: Mapping[str, str], name: str, default: str) -> Color | None:
    """The colour of a fill or stroke; None where there is none."""
    text = style.get(name, default)
    if text == "none":
        return None
    if text == "currentColor":
        text = style.get("color", "black")
    if text.startswith("url("):
        raise BadDrawing("it has gradients or patterns, which are not drawn")
    if re.fullmatch(r"#[0-9a-fA-F]{3}", text):
        text = "#" + "".join(sign * 2 for sign in text[1:])
    found = toColor(text)
    if not isinstance(found, Color) or found.alpha != 1:
        raise BadDrawing("it has a colour that is not drawn")
    return found


# ---------------------------------------------------------------------- outlines


def path(element: ElementTree.Element) -> Iterator[Step]:
    """The steps of a path, every curve as a cubic one."""
    at, begin, handle = (0.0, 0.0), (0.0, 0.0), None
    last = ""
    text = element.get("d", "")
    if COMMAND.sub("", text).strip():
        raise ValueError(text)
    for command, given in COMMAND.findall(text):
        kind, relative = command.upper(), command.islower()
        for values in parameters(kind, given):
            base = at if relative else (0.0, 0.0)
            if kind == "Z":
                yield "Z", ()
                at, handle = begin, None
            elif kind in "ML":
                at, handle = shifted(base, values[0], values[1]), None
                yield kind, (at,)
                if kind == "M":
                    # What follows a move without a command of its own is drawn.
                    begin, kind = at, "L"
            elif kind in "HV":
                at = (base[0] + values[0], at[1]) if kind == "H" else (at[0], base[1] + values[0])
                handle = None
                yield "L", (at,)
            elif kind == "A":
                end = shifted(base, values[5], values[6])
                yield from arc(at, values, end)
                at, handle = end, None
            else:
                one, two, end, handle = curve(kind, values, at, base, handle if last in BEFORE[kind] else None)
                yield "C", (one, two, end)
                at = end
            last = kind


# After which commands a smooth curve takes up the handle of the one before.
BEFORE = {"C": "", "S": "CS", "Q": "", "T": "QT"}


def curve(
    kind: str, values: Sequence[float], at: Point, base: Point, handle: Point | None
) -> tuple[Point, Point, Point, Point]:
    """A curve as a cubic one: its two handles and its end; and the handle that a smooth curve after it takes up."""
    points = [shifted(base, x, y) for x, y in zip(values[::2], values[1::2], strict=True)]
    mirrored = at if handle is None else (2 * at[0] - handle[0], 2 * at[1] - handle[1])
    if kind == "C":
        return points[0], points[1], points[2], points[1]
    if kind == "S":
        return mirrored, points[0], points[1], points[0]
    middle, end = (points[0], points[1]) if kind == "Q" else (mirrored, points[0])
    return between(at, middle, 2 / 3), between(end, middle, 2 / 3), end, middle


def arc(start: Point, values: Sequence[float], end: Point) -> Iterator[Step]:
    """An elliptical arc (SVG 1.1, F.6) as cubic curves of at most a quarter each."""
    rx, ry, turned, large, sweep = abs(values[0]), abs(values[1]), math.radians(values[2]), values[3], values[4]
    if not rx or not ry or start == end:
        yield "L", (end,)
        return
    cos, sin = math.cos(turned), math.sin(turned)
    dx, dy = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * dx + sin * dy, cos * dy - sin * dx
    size = math.sqrt(max(1.0, (x / rx) ** 2 + (y / ry) ** 2))
    rx, ry = rx * size, ry * size
    divisor = (rx * y) ** 2 + (ry * x) ** 2
    root = math.sqrt(max(0.0, (rx * ry) ** 2 / divisor - 1)) * (-1 if bool(large) == bool(sweep) else 1)
    cx, cy = root * rx * y / ry, -root * ry * x / rx
    first = math.atan2((y - cy) / ry, (x - cx) / rx)
    span = math.atan2((-y - cy) / ry, (-x - cx) / rx) - first
    if sweep and span < 0:
        span += 2 * math.pi
    elif not sweep and span > 0:
        span -= 2 * math.pi
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    ellipse_to_page: Matrix = (
        cos * rx,
        sin * rx,
        -sin * ry,
        cos * ry,
        cos * cx - sin * cy + middle[0],
        sin * cx + cos * cy + middle[1],
    )
    count = max(1, math.ceil(abs(span) / (math.pi / 2) - 1e-9))
    handle = 4 / 3 * math.tan(span / count / 4)
    angles = [first + span * number / count for number in range(count + 1)]
    for one, two in pairwise(angles):
        handles = (
            (math.cos(one) - handle * math.sin(one), math.sin(one) + handle * math.cos(one)),
            (math.cos(two) + handle * math.sin(two), math.sin(two) - handle * math.cos(two)),
            (math.cos(two), math.sin(two)),
        )
        yield "C", tuple(moved(ellipse_to_page, point) for point in handles)


def rectangle(element: ElementTree.Element) -> Iterator[Step]:
    """A rectangle, with round corners where it has them."""
    x, y, width, height = (length(element.get(name, "0")) for name in ("x", "y", "width", "height"))
    rx, ry = element.get("rx"), element.get("ry")
    round_x, round_y = length(rx or ry or "0"), length(ry or rx or "0")
    round_x, round_y = min(round_x, width / 2), min(round_y, height / 2)
    yield "M", ((x + round_x, y),)
    corners = (
        ((x + width - round_x, y), (x + width, y), (x + width, y + round_y)),
        ((x + width, y + height - round_y), (x + width, y + height), (x + width - round_x, y + height)),
        ((x + round_x, y + height), (x, y + height), (x, y + height - round_y)),
        ((x, y + round_y), (x, y), (x + round_x, y)),
    )
    for before, corner, after in corners:
        yield "L", (before,)
        if round_x and round_y:
            yield "C", (between(before, corner, HANDLE), between(after, corner, HANDLE), after)
    yield "Z", ()


def ellipse(element: ElementTree.Element) -> Iterator[Step]:
    """A circle or an ellipse."""
    x, y = length(element.get("cx", "0")), length(element.get("cy", "0"))
    rx, ry = (length(element.get(name) or element.get("r") or "0") for name in ("rx", "ry"))
    yield "M", ((x + rx, y),)
    for half in (-1, 1):
        yield from arc((x - half * rx, y), (rx, ry, 0, 0, 1), (x + half * rx, y))
    yield "Z", ()


def line(element: ElementTree.Element) -> Iterator[Step]:
    """A line."""
    yield "M", ((length(element.get("x1", "0")), length(element.get("y1", "0"))),)
    yield "L", ((length(element.get("x2", "0")), length(element.get("y2", "0"))),)


def polyline(element: ElementTree.Element) -> Iterator[Step]:
    """Several lines, which a polygon ends where they began."""
    values = numbers(element.get("points", ""))
    for number, point in enumerate(zip(values[::2], values[1::2], strict=True)):
        yield "L" if number else "M", (point,)
    if str(element.tag).endswith("}polygon"):
        yield "Z", ()


OUTLINES = {
    "path": path,
    "rect": rectangle,
    "circle": ellipse,
    "ellipse": ellipse,
    "line": line,
    "polyline": polyline,
    "polygon": polyline,
}

# ---------------------------------------------------------------------- numbers


def numbers(text: str) -> list[float]:
    """The numbers of a list; anything else between them but blanks and commas is an error.

    :raises ValueError:
    """
    if NUMBER.sub("", text).strip(" \t\r\n,"):
        raise ValueError(text)
    return [float(each) for each in NUMBER.findall(text)]


def length(text: str | None) -> float:
    """A length, whatever its unit: only proportions matter.

    :raises ValueError:
    """
    match = LENGTH.fullmatch(text or "")
    if match is None:
        raise ValueError(text)
    return float(match[1])


FLAG = re.compile(r"[\s,]*([01])")


def parameters(kind: str, text: str) -> Iterator[list[float]]:
    """What follows a command, in as many groups as it is repeated. The flags of an arc may stand without a blank.

    :raises ValueError:
    """
    count = PARAMETERS[kind]
    if not count:
        yield numbers(text)[:0]
        return
    if kind == "A":
        yield from arcs(text)
        return
    found = numbers(text)
    if not found or len(found) % count:
        raise ValueError(text)
    for start in range(0, len(found), count):
        yield found[start : start + count]


def arcs(text: str) -> Iterator[list[float]]:
    """The parameters of arcs, seven each."""
    place = 0
    while text[place:].strip(" \t\r\n,"):
        found: list[float] = []
        for position in range(7):
            pattern = FLAG if position in (3, 4) else re.compile(rf"[\s,]*({NUMBER.pattern})")
            match = pattern.match(text, place)
            if match is None:
                raise ValueError(text)
            found.append(float(match[1]))
            place = match.end()
        yield found


def transform(text: str) -> Matrix:
    """The matrix of a ``transform`` attribute.

    :raises ValueError:
    """
    matrix, place = UNMOVED, 0
    while place < len(text.rstrip()):
        match = TRANSFORM.match(text, place)
        if match is None:
            raise ValueError(text)
        matrix = times(matrix, single(match[1], numbers(match[2])))
        place = match.end()
    return matrix


def single(name: str, given: Sequence[float]) -> Matrix:
    """The matrix of one transformation."""
    match name, given:
        case "matrix", [a, b, c, d, e, f]:
            return a, b, c, d, e, f
        case "translate", [x]:
            return 1, 0, 0, 1, x, 0
        case "translate", [x, y]:
            return 1, 0, 0, 1, x, y
        case "scale", [x]:
            return x, 0, 0, x, 0, 0
        case "scale", [x, y]:
            return x, 0, 0, y, 0, 0
        case "rotate", [angle]:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            return cos, sin, -sin, cos, 0, 0
        case "rotate", [angle, x, y]:
            return times(times((1, 0, 0, 1, x, y), single(name, [angle])), (1, 0, 0, 1, -x, -y))
        case "skewX", [angle]:
            return 1, 0, math.tan(math.radians(angle)), 1, 0, 0
        case "skewY", [angle]:
            return 1, math.tan(math.radians(angle)), 0, 1, 0, 0
    raise ValueError(name)


def times(one: Matrix, two: Matrix) -> Matrix:
    """First ``two``, then ``one``."""
    a, b, c, d, e, f = one
    g, h, i, j, k, m = two
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f


def moved(matrix: Matrix, point: Point) -> Point:
    """A point under a transformation."""
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def shifted(base: Point, x: float, y: float) -> Point:
    """A point as seen from another."""
    return base[0] + x, base[1] + y


def between(one: Point, other: Point, part: float) -> Point:
    """A point on the way from one to the other."""
    return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part
