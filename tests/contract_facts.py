"""A WSDL as lines of facts, one each: what two files have to share to be the same contract, however they are laid out."""

from collections.abc import Iterator

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
FACETS = (
    *("length", "minLength", "maxLength", "enumeration", "minInclusive", "maxInclusive", "minExclusive"),
    *("pattern", "whiteSpace"),
)
XS_NAMESPACE = "http://www.w3.org/2001/XMLSchema"


def facts(document) -> Iterator[str]:
    """Every fact of a WSDL whose schema is inline, but for addresses."""
    root = document.getroot()
    tns = root.get("targetNamespace")
    yield f"wsdl {tns}"
    for schema in root.iter(f"{XS}schema"):
        target = schema.get("targetNamespace")
        yield f"schema {target} elementFormDefault={schema.get('elementFormDefault')}"
        for each in schema.findall(f"{XS}simpleType"):
            yield f"type {{{target}}}{each.get('name')} {simple(each)}"
        for each in schema.findall(f"{XS}complexType"):
            for number, line in enumerate(content(each)):
                yield f"type {{{target}}}{each.get('name')} {number:03d} {line}"
        for each in schema.findall(f"{XS}element"):
            yield f"element {{{target}}}{each.get('name')} = {anonymous(each.find(f'{XS}complexType'))}"
    messages = {each.get("name"): part(each) for each in root.iter(f"{WSDL}message")}
    for port_type in root.iter(f"{WSDL}portType"):
        for operation in port_type.findall(f"{WSDL}operation"):
            ends = [
                f"{way} {local(side.get('message'))}:{messages[local(side.get('message'))]}"
                for way, side in (("in", operation.find(f"{WSDL}input")), ("out", operation.find(f"{WSDL}output")))
            ]
            yield f"operation {port_type.get('name')}.{operation.get('name')} {' '.join(ends)}"
    for binding in root.iter(f"{WSDL}binding"):
        soap = binding.find(f"{SOAP}binding")
        name = binding.get("name")
        kind = f"soap1.1 {soap.get('style')} {soap.get('transport')}"
        yield f"binding {name} of {qualified(binding, binding.get('type'))} {kind}"
        for operation in binding.findall(f"{WSDL}operation"):
            action = operation.find(f"{SOAP}operation").get("soapAction")
            uses = [body.get("use") for body in operation.iter(f"{SOAP}body")]
            yield f"binding {name}.{operation.get('name')} soapAction={action} use={'/'.join(uses)}"
    for service in root.iter(f"{WSDL}service"):
        for port in service.findall(f"{WSDL}port"):
            bound = qualified(port, port.get("binding"))
            yield f"port {service.get('name')}.{port.get('name')} binding {bound}"


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def qualified(element, name: str) -> str:
    """A name with its namespace in the place of its prefix; those of XML Schema keep ``xs:``."""
    prefix, _, plain = name.rpartition(":")
    namespace = element.nsmap[prefix or None]
    return f"xs:{plain}" if namespace == XS_NAMESPACE else f"{{{namespace}}}{plain}"


def part(message) -> str:
    """The one part of a message and its element."""
    (only,) = message.findall(f"{WSDL}part")
    return f"{only.get('name')}={qualified(only, only.get('element'))}"


def simple(element) -> str:
    """A simple type: its base, and its facets in brackets."""
    restriction = element.find(f"{XS}restriction")
    values: dict[str, list[str]] = {}
    for facet in restriction:
        values.setdefault(facet.tag.removeprefix(XS), []).append(facet.get("value"))
    # Enumerated values and alternative patterns mean the same in any order.
    known = sorted(values, key=FACETS.index)
    told = " ".join(f"{name}={'|'.join(sorted(values[name]))}" for name in known)
    return qualified(restriction, restriction.get("base")) + (f"[{told}]" if told else "")


def type_of(element) -> str:
    """The type of an element or attribute: named, or written out."""
    if element.get("type") is not None:
        return qualified(element, element.get("type"))
    inner = element.find(f"{XS}simpleType")
    return simple(inner) if inner is not None else anonymous(element.find(f"{XS}complexType"))


def particle(element) -> str:
    """An element of a sequence: name, cardinality, type."""
    occurs = f"{element.get('minOccurs', '1')}..{element.get('maxOccurs', '1')}"
    nillable = " nillable" if element.get("nillable") == "true" else ""
    return f"{element.get('name')} {occurs}{nillable} {type_of(element)}"


def content(element) -> Iterator[str]:
    """What is in a complex type, line by line."""
    extension = element.find(f"{XS}complexContent/{XS}extension")
    inside = element if extension is None else extension
    if extension is not None:
        yield f"extends {qualified(extension, extension.get('base'))}"
    for group in inside:
        if group.tag == f"{XS}sequence":
            lines = list(particles(group))
            # What an extension adds is a sequence behind another one.
            yield from ("sequence(", *(f" {line}" for line in lines), ")") if extension is not None else lines
        elif group.tag == f"{XS}attribute":
            default = f" default={group.get('default')}" if group.get("default") else ""
            yield f"@{group.get('name')} {group.get('use', 'optional')}{default} {type_of(group)}"


def particles(group) -> Iterator[str]:
    """The elements of a sequence, and the choices among them."""
    for each in group:
        if each.tag == f"{XS}choice":
            yield "choice("
            yield from map(particle, each)
            yield ")"
        else:
            yield particle(each)


def anonymous(element) -> str:
    """A complex type without a name, in one line."""
    lines = []
    for group in element:
        if group.tag == f"{XS}choice":
            lines += ["choice(", *(f" {particle(each)}" for each in group), ")"]
        else:
            lines += particles(group)
    return f"anon({'; '.join(lines)})"
