"""The two contracts of OCHP 0.2, and everything in which they differ.

One is the specification's; the other is what the historical clearing house published in 2012 and 2013, and what the
back ends in the field were generated from. Operations, records, rules and codes are the same.
"""

from dataclasses import dataclass

# Of whichever contract.
PROTOCOL = "ochp-0.2"


@dataclass(frozen=True, slots=True)
class Contract:
    """One way to spell OCHP 0.2: where it is served, its hand-written WSDL, and what its messages look like."""

    name: str
    path: str
    wsdl_file: str
    # How the operations on charge point lists, and their elements, spell the word.
    chargepoint: str
    # The header that the WSDL declares; both are read under both contracts.
    identity_header: str
    # What the part of the message is called that holds it.
    identity_part: str
    # At plain ?wsdl the first port stands alone; at ?wsdl=1.2 are both.
    shows_one_port: bool
    # AuthenticateResponse.resultCode: a number, or Accepted and Denied.
    login_code_is_number: bool
    # GetCDRsResponse begins with docLink, or with result.
    link_before_result: bool
    # resultDescription and authToken may be nil; each field of a record stands exactly once, empty where it has no
    # value. Both concern what is declared: what is sent satisfies both contracts, what is read may be either.
    texts_are_nillable: bool
    fields_are_mandatory: bool


SPECIFIED = Contract(
    name="specified",
    path="/ochp/0.2",
    wsdl_file="ochp-0.2.wsdl",
    chargepoint="ChargePoint",
    identity_header="UserIdentityHeader",
    identity_part="UserIdentityHeader",
    shows_one_port=False,
    login_code_is_number=False,
    link_before_result=False,
    texts_are_nillable=False,
    fields_are_mandatory=False,
)
DEPLOYED = Contract(
    name="deployed",
    path="/service/index.php",
    wsdl_file="echs-deployed.wsdl",
    chargepoint="Chargepoint",
    identity_header="token",
    identity_part="UserIdentityHeader",
    shows_one_port=True,
    login_code_is_number=True,
    link_before_result=True,
    texts_are_nillable=True,
    fields_are_mandatory=True,
)
CONTRACTS = (SPECIFIED, DEPLOYED)
