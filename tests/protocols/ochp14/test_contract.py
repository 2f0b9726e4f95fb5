"""The two WSDL files for OCHP 1.4 and OCHPdirect say what the published contract says, fact by fact."""

from pathlib import Path

from lxml import etree

from contract_facts import facts
from echs.base.resources import contracts

FILES = ("ochp-1.4.wsdl", "ochp-direct-0.2.wsdl")
# The published contract, in the form of `contract_facts`, addresses aside.
PUBLISHED = frozenset(Path(__file__).with_name("contract.txt").read_text(encoding="utf-8").splitlines())
# Ports of the hub's test system, and those of the first file that the second repeats.
NOT_SERVED = frozenset(
    f"port {service}.{port} binding {{http://ochp.eu/1.4}}{binding}"
    for service, port, binding in (
        ("e-clearing.net", "eCHS_Q-System", "eCHS-OCHP_1.4"),
        ("e-clearing.net", "eCHS_Q-System-live", "eCHS-OCHP_1.4-live"),
        ("e-clearing.net-OCHP-direct", "eCHS_P-System", "eCHS-OCHP_1.4"),
        ("e-clearing.net-OCHP-direct", "eCHS_P-System-live", "eCHS-OCHP_1.4-live"),
        ("e-clearing.net-OCHP-direct", "eCHS_Q-System", "eCHS-OCHP_1.4"),
        ("e-clearing.net-OCHP-direct", "eCHS_Q-System-live", "eCHS-OCHP_1.4-live"),
        ("e-clearing.net-OCHP-direct", "eCHS_Q-System-direct", "eCHS-OCHP_1.4-direct"),
    )
)


def of_file(name: str) -> set[str]:
    return set(facts(etree.parse(str(contracts() / name))))


def test_our_two_files_together_say_every_fact_of_the_published_contract_and_no_other():
    ours = set().union(*map(of_file, FILES))
    assert sorted(ours - PUBLISHED) == []
    assert sorted(PUBLISHED - ours - NOT_SERVED) == []
    assert PUBLISHED >= NOT_SERVED
    assert len(ours) > 270


def test_a_changed_cardinality_a_changed_facet_and_a_lost_operation_are_seen():
    for old, new in (
        ('name="printedNumber" minOccurs="0"', 'name="printedNumber"'),
        ('<xs:maxLength value="36"/>', '<xs:maxLength value="35"/>'),
        ('soapAction="http://ochp.eu/1.4/AddCDRs"', 'soapAction="AddCDRs"'),
        ('<xs:enumeration value="roaming"/>', ""),
    ):
        text = (contracts() / FILES[0]).read_text(encoding="utf-8")
        assert text.count(old) >= 1
        changed = etree.ElementTree(etree.fromstring(text.replace(old, new).encode()))
        assert set(facts(changed)) - PUBLISHED, old
