"""Any SOAP service of ours, on Spyne: reading envelopes, answering in kind, faults."""
