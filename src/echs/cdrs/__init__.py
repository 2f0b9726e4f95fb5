"""Charge detail records, which are money: taken in, pending, cleared."""
