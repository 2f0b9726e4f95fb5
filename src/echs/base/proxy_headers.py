"""Where a request comes from: the address of the client, and the certificate that it showed.

Both stand in headers where a proxy is in front, and a header can be sent by anybody: they are believed from the
addresses of the proxies that the settings name, and from nobody else.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

Network = IPv4Network | IPv6Network

CERTIFICATE_LIMIT = 32 * 1024
PEM_BEGIN, PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def networks(text: str) -> list[Network]:
    """The addresses and networks of a list with commas.

    :raises ValueError: one of them is none
    """
    found: list[Network] = []
    for each in filter(None, map(str.strip, text.split(","))):
        try:
            found.append(ip_network(each))
        except ValueError:
            raise ValueError("must be addresses or networks with commas between, like 10.0.0.5, 10.1.0.0/24") from None
    return found


def is_among(address: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of these."""
    try:
        parsed = plain_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


def plain_address(text: str) -> IPv4Address | IPv6Address:
    """An address; one of IPv4 that a socket of IPv6 wraps is unwrapped.

    :raises ValueError: it is none
    """
    address = ip_address(text)
    wrapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if wrapped is None else wrapped


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client: of whoever is connected to us, or whom a trusted proxy says it speaks for.

    X-Forwarded-For grows to the right: what stands left of the last address that is no proxy of ours, a client wrote.
    """
    address = peer
    if not trusted:
        return address
    for named in reversed(forwarded_for.split(",")):
        if not is_among(address, trusted) or not named.strip():
            break
        try:
            address = str(plain_address(named.strip()))
        except ValueError:
            break
    return address


def certificate_fingerprint(pem: str) -> str:
    """The SHA-256 of a certificate in PEM, in hexadecimal digits; empty where it is none."""
    text = pem.strip()
    if not (text.startswith(PEM_BEGIN) and text.endswith(PEM_END)) or len(text) > CERTIFICATE_LIMIT:
        return ""
    try:
        der = base64.b64decode("".join(text[len(PEM_BEGIN) : -len(PEM_END)].split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return hashlib.sha256(der).hexdigest()


def client_certificate(peer: str, header: str, trusted: Sequence[Network]) -> str:
    """The mark of the certificate that a trusted proxy says the client showed, percent-encoded as nginx gives it."""
    if not header or len(header) > CERTIFICATE_LIMIT or not is_among(peer, trusted):
        return ""
    return certificate_fingerprint(unquote(header))
