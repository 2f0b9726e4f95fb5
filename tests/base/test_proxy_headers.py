"""Headers about the client are believed from our own proxies and from nobody else."""

import ssl
from urllib.parse import quote

import pytest

from echs.base.proxy_headers import certificate_fingerprint, client_address, client_certificate, networks

PROXIES = networks("10.0.0.5, 192.168.7.0/24, ::1")
# Any bytes will do: the mark is over them, and who signed them does not matter.
PEM = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x07")


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "6.6.6.6, 203.0.113.9, 192.168.7.3", "203.0.113.9"),
        ("10.0.0.5", "nonsense\n", "10.0.0.5"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_is_whom_the_last_proxy_of_ours_saw(peer, header, client):
    assert client_address(peer, header, PROXIES) == client


def test_without_proxies_no_header_is_believed():
    assert client_address("127.0.0.1", "203.0.113.9", []) == "127.0.0.1"
    assert client_certificate("127.0.0.1", quote(PEM), []) == ""


def test_a_certificate_is_known_by_the_hash_of_its_bytes_from_a_proxy_alone():
    mark = certificate_fingerprint(PEM)
    assert len(mark) == 64
    assert client_certificate("10.0.0.5", quote(PEM), PROXIES) == mark
    assert client_certificate("203.0.113.9", quote(PEM), PROXIES) == ""
    other = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x08")
    assert certificate_fingerprint(other) != mark


@pytest.mark.parametrize("text", ["", "x", PEM + PEM, PEM[:-10], PEM.replace("M", "!"), "A" * 100_000])
def test_what_is_no_certificate_has_no_mark(text):
    assert certificate_fingerprint(text) == ""
    assert client_certificate("10.0.0.5", quote(text), PROXIES) == ""


@pytest.mark.parametrize("text", ["10.0.0.300", "proxy.example.org", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_a_list_of_proxies_that_cannot_be_is_refused(text):
    with pytest.raises(ValueError, match="addresses or networks"):
        networks(text)
