"""Records with parts: what the fast path accepts, the close reading reads to the same text without a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from echs.protocols.ochp14.cdr_tree import CDR
from echs.protocols.ochp14.charge_point_tree import CHARGE_POINT
from echs.protocols.ochp14.contracts import PUBLISHED
from echs.protocols.ochp14.tariff_format import TARIFF
from echs.protocols.ochp14.tree_fast_path import REMEMBERED, RightValues
from echs.protocols.ochp14.tree_types import TreeReading, fast_path_of, parsed, texts_below
from echs.protocols.soap.element import Element
from ochp14 import cdr_xml, period_xml, point_xml

SPACE = PUBLISHED.namespace
TARIFF_XML = (
    "<o:TariffInfoArray><o:tariffId>NL*TNM*T1</o:tariffId><o:individualTariff><o:tariffElement><o:priceComponent>"
    "<o:billingItem><o:BillingItemType>energy</o:BillingItemType></o:billingItem><o:itemPrice>0.3</o:itemPrice>"
    "<o:stepSize>0.5</o:stepSize></o:priceComponent><o:tariffRestriction><o:regularHours weekday='1' "
    "periodBegin='08:00' periodEnd='24:00'/></o:tariffRestriction></o:tariffElement><o:currency>EUR</o:currency>"
    "</o:individualTariff></o:TariffInfoArray>"
)
RECORDS = [
    (CDR, cdr_xml(representation="plain", periods=(period_xml(), period_xml("serviceFee", "1", "0", "")))),
    (CHARGE_POINT, point_xml(related='<o:relatedLocation lat="52.100001" lon="5.200001" name="G" type="ui"/>')),
    (TARIFF, TARIFF_XML),
]
ODD = ["", " ", "x", "-1", "NL*TNM*E1", " 2026-09-24T10:00:00+02:00 ", "a\x01b", "é<&", "9" * 300]


def element_of(found: etree._Element) -> Element:
    children = [element_of(child) for child in found]
    name = f"{etree.QName(found).namespace} {etree.QName(found).localname}"
    return Element(name, dict(found.attrib), "" if children else (found.text or ""), children)


def parts_of(element: Element) -> list[Element]:
    return [element, *(each for child in element.children for each in parts_of(child))]


def test_what_the_fast_path_accepts_is_read_to_the_same_text_without_a_problem():
    met = {"accepted": 0, "left to the close reading": 0}

    @given(st.data(), st.sampled_from(RECORDS), st.integers(0, 3))
    def agrees(data, record, changes):
        node, text = record
        root = element_of(etree.fromstring(f'<r xmlns:o="{SPACE}">{text}</r>')[0])
        for _ in range(changes):
            one = data.draw(st.sampled_from(parts_of(root)))
            match data.draw(st.sampled_from(["text", "gone", "twice", "order", "attribute", "name"])):
                case "text":
                    one.text = data.draw(st.sampled_from(ODD))
                case "gone" if one.children:
                    one.children.pop(data.draw(st.integers(0, len(one.children) - 1)))
                case "twice" if one.children:
                    one.children.append(data.draw(st.sampled_from(one.children)))
                case "order":
                    one.children.reverse()
                case "attribute":
                    one.attributes[data.draw(st.sampled_from(["lat", "type", "odd", "weekday"]))] = "1"
                case "name":
                    one.name = data.draw(st.sampled_from([f"{SPACE} evseId", "x y", f"{SPACE} colour", one.name]))
        quick = fast_path_of(node, SPACE).inside(root)
        close = TreeReading(SPACE, 0)
        slow = close.inside(root, node)
        if quick is None:
            met["left to the close reading"] += 1
            return
        met["accepted"] += 1
        assert close.problems == []
        assert close.dropped == 0
        assert quick == slow

    agrees()
    assert min(met.values()) > 10, met


@pytest.mark.parametrize(("node", "text"), RECORDS)
def test_a_regular_record_takes_the_fast_path(node, text):
    root = element_of(etree.fromstring(f'<r xmlns:o="{SPACE}">{text}</r>')[0])
    assert fast_path_of(node, SPACE).inside(root)


def test_values_that_are_remembered_are_bounded_and_secret_ones_are_not():
    (emt,) = (part for part in CDR.parts if part.name == "emtId")
    secret, plain = RightValues(emt.parts[0]), RightValues(CDR.parts[0])
    for number in range(REMEMBERED + 10):
        assert secret.of(f"{number:014X}")
        assert plain.of(f"NLTNM{number}")
    assert len(vars(secret)["_known"]) == 0
    assert 0 < len(vars(plain)["_known"]) <= REMEMBERED


def test_values_of_elements_that_repeat_are_told_apart():
    text = fast_path_of(CDR, SPACE).inside(element_of(etree.fromstring(f'<r xmlns:o="{SPACE}">{RECORDS[0][1]}</r>')[0]))
    names = [each.name for each in texts_below(parsed(text), "")]
    assert len(set(names)) == len(names)
    assert {"chargingPeriods[0]/billingValue", "chargingPeriods[1]/billingValue", "emtId/instance"} <= {*names}
