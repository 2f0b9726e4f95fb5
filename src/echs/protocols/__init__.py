"""How partners speak to us. A protocol translates; it never decides."""
