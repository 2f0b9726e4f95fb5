"""The header of WS-Security by which OCHP 1.4 says who calls: a name and a password with each request, in plain text.

What clients put beside it (Created, Nonce, wsu:Id) is taken and not needed. A password digest cannot be compared with
the hash of a password, and is refused with that reason. Nothing of the header goes into a log, a trail or an error.
"""

from dataclasses import dataclass

from echs.base.errors import refuse
from echs.config.app_context import AppContext
from echs.partners.login import LoginReason
from echs.partners.partner import Partner
from echs.partners.verified_passwords import partner_of_request
from echs.protocols.soap.element import Element
from echs.protocols.soap.spyne_protocol import Exchange

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
# As expat gives them.
SECURITY = f"{WSSE} Security"
USERNAME_TOKEN, USERNAME, PASSWORD = (f"{WSSE} {name}" for name in ("UsernameToken", "Username", "Password"))
UNDERSTOOD = frozenset({SECURITY})
HOW = "send a WS-Security header with a UsernameToken: Username, and Password of type PasswordText"


@dataclass
class SecurityRequest(Exchange):
    """A request whose sender is known by a name and a password in its header."""

    def caller(self, context: AppContext) -> Partner:
        """The partner with this name and password.

        :raises Refused: LOGIN_TOKEN_MISSING, LOGIN_TOKEN_REPEATED, LOGIN_REFUSED, LOGIN_CERTIFICATE, LOGIN_BUSY,
            LOGIN_THROTTLED
        """
        name, password = credentials_of(self.headers)
        return partner_of_request(context, context.verified, name, password, context.throttle)


def credentials_of(headers: list[Element]) -> tuple[str, str]:
    """Name and password of the one UsernameToken.

    :raises Refused: LOGIN_TOKEN_MISSING, LOGIN_TOKEN_REPEATED, LOGIN_REFUSED
    """
    tokens = [token for header in headers for token in header.all(USERNAME_TOKEN)]
    if len(tokens) > 1:
        raise refuse(LoginReason.LOGIN_TOKEN_REPEATED, f"the header holds more than one UsernameToken; {HOW}")
    name = tokens[0].first(USERNAME) if tokens else None
    password = tokens[0].first(PASSWORD) if tokens else None
    if name is None or password is None or not name.text.strip() or not password.text:
        raise refuse(LoginReason.LOGIN_TOKEN_MISSING, f"no name and password came; {HOW}")
    if password.attributes.get("Type", PASSWORD_TEXT).strip() != PASSWORD_TEXT:
        detail = f"the password came in a form that cannot be compared with what is stored, such as a digest; {HOW}"
        raise refuse(LoginReason.LOGIN_REFUSED, detail)
    return name.text.strip(), password.text
