"""OCHPdirect: the address book by which partners find each other. The house stores and hands on, and calls nobody."""
