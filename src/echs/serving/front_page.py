"""What somebody sees who opens the server's address in a browser, or misses a path."""

from html import escape

from echs.protocols.ochp02.contracts import DEPLOYED, SPECIFIED
from echs.protocols.ochp14.contracts import PUBLISHED

PAGE_HEADERS = [("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")]
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>eCHS</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44em; margin: 3em auto; padding: 0 1em }}
td, th {{ text-align: left; padding: .2em 1em .2em 0 }}
</style>
</head>
<body>
<h1>eCHS</h1>
<p>A clearing house for electric-vehicle roaming. Partners' back ends connect here with SOAP; this address has no web
interface.</p>
<table>
<tr><th>contract</th><th>address</th><th></th></tr>
{rows}
</table>
<p>All accept SOAP 1.1 and 1.2. You get your user id and password from the operator of this clearing house.</p>
</body>
</html>
"""
# By path.
SERVICES = {
    SPECIFIED.path: "OCHP 0.2, as specified",
    DEPLOYED.path: "OCHP 0.2, as deployed in 2013",
    PUBLISHED.service_path: "OCHP 1.4: tokens, tariffs, OCHPdirect",
}


def page(public_url: str) -> str:
    """The page at ``/``. Addresses begin with ``public_url``, never with the Host header's."""
    rows = []
    for path, title in SERVICES.items():
        address = escape(public_url + path)
        wsdl = f'<a href="{address}?wsdl">WSDL</a>'
        rows.append(f"<tr><td>{title}</td><td><code>{address}</code></td><td>{wsdl}</td></tr>")
    return PAGE.format(rows="\n".join(rows)).rstrip("\n")


def directions(public_url: str) -> str:
    """What is there, for whoever asked for something that is not; it repeats nothing of what was asked for."""
    old, older, new = (public_url + path for path in SERVICES)
    return f"Not found. OCHP 0.2 is at {old} and {older}, OCHP 1.4 at {new} (POST a SOAP envelope, or GET ?wsdl)."
