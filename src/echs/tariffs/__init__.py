"""Tariffs: what charging at an operator costs, for everybody or for single providers."""
