"""The contracts of OCHP 1.4, and everything in which they differ: one so far.

It is what the maintainers publish today, not the first release of 2016, which is the same namespace with less in it.
OCHP 1.4.1 has the same operations under another namespace, with more values in some lists: it becomes one more here.
"""

from dataclasses import dataclass

# Of whichever contract.
PROTOCOL = "ochp-1.4"


@dataclass(frozen=True, slots=True)
class Contract:
    """One way to spell OCHP 1.4: its namespace, where it is served, its hand-written WSDLs, its lists of values."""

    name: str
    namespace: str
    # Of the service, the live interface and OCHPdirect: every operation is understood at each of them, since clients
    # send live calls to the first.
    service_path: str
    live_path: str
    direct_path: str
    wsdl_file: str
    direct_wsdl_file: str
    # Which versions of OCHP an endpoint of OCHPdirect may speak.
    direct_namespaces: tuple[str, ...]
    token_types: tuple[str, ...]
    token_sub_types: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it is served."""
        return self.service_path, self.live_path, self.direct_path


PUBLISHED = Contract(
    name="OCHP 1.4",
    namespace="http://ochp.eu/1.4",
    service_path="/service/ochp/v1.4",
    live_path="/live/ochp/v1.4",
    direct_path="/direct/ochp/v1.4",
    wsdl_file="ochp-1.4.wsdl",
    direct_wsdl_file="ochp-direct-0.2.wsdl",
    direct_namespaces=("http://ochp.eu/1.3", "http://ochp.eu/1.4"),
    token_types=("rfid", "remote", "15118"),
    token_sub_types=("mifareCls", "mifareDes", "calypso"),
)
CONTRACTS = (PUBLISHED,)
