// Downloads the list of tokens as a client of the WSDL before August 2013, where a pin is an xs:int: the address, the
// user id and the password, a line each, from standard input; a line for each token, its number and its pin, to
// standard output. Exit code 1 where gSOAP cannot read an answer.
#include <iostream>
#include <string>

#include "echsSOAP.nsmap"
#include "soapechsSOAPProxy.h"

static int failed(echsSOAPProxy &service) {
    service.soap_stream_fault(std::cerr);
    return 1;
}

int main() {
    std::string address, user_id, password;
    std::getline(std::cin, address);
    std::getline(std::cin, user_id);
    std::getline(std::cin, password);

    echsSOAPProxy service(address.c_str(), SOAP_C_UTFSTRING);
    service.soap->recv_timeout = service.soap->send_timeout = 30;
    _ns1__AuthenticateRequest login;
    _ns1__AuthenticateResponse token;
    login.userId = user_id;
    login.password = password;
    if (service.Authenticate(&login, token) != SOAP_OK) return failed(service);
    if (token.authToken == nullptr || token.authToken->empty()) {
        std::cerr << "not logged in\n";
        return 1;
    }

    _ns1__GetRoamingAuthorisationListRequest request;
    _ns1__GetRoamingAuthorisationListResponse list;
    service.soap_header(token.authToken);
    if (service.GetRoamingAuthorisationList(&request, list) != SOAP_OK) return failed(service);
    for (const auto *each : list.roamingAuthorisationInfoArray)
        std::cout << each->tokenId << '\t' << each->pin << '\n';
    return 0;
}
