"""OCHP 1.4: the contract, its records as values, its operations."""
