"""Who opens the address in a browser, or misses a path, is told what is there."""

import re

import pytest

from echs.protocols.ochp02.contracts import CONTRACTS
from echs.protocols.ochp14.contracts import PUBLISHED
from wire import request

PATHS = (*(contract.path for contract in CONTRACTS), PUBLISHED.service_path)


def test_a_browser_at_the_root_sees_every_address_and_their_wsdls(app, context):
    answer = request(app, b"", method="GET", path="/")
    text = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "evil.example" not in text
    for path in PATHS:
        assert context.public_url + path in text
    links = re.findall('href="([^"]+)"', text)
    assert len(links) == len(PATHS)
    for link in links:
        path, _, query = link.removeprefix(context.public_url).partition("?")
        assert b"<wsdl:definitions" in request(app, b"", method="GET", path=path, query=query).body
    assert request(app, b"", method="HEAD", path="/").body == b""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/ochp", "/service/", "/OCHP/0.2", "/ochp/1.4", "/ochp/0.2/AddCDRs", "/wp-admin"])
def test_a_wrong_path_says_what_is_there_and_repeats_nothing(app, context, path, method):
    answer = request(app, b"<x/>", method=method, path=path)
    text = answer.body.decode()
    assert answer.status == 404
    for path in PATHS:
        assert f"{context.public_url}{path} " in text.replace(",", " ")
    assert "wp-admin" not in text
    assert "AddCDRs" not in text
    assert "evil.example" not in text


def test_a_post_to_the_root_is_told_the_same(app):
    answer = request(app, b"<x/>", path="/")
    assert (answer.status, b"POST a SOAP envelope" in answer.body) == (404, True)
