"""The clearing run, and what a run gives to each partner: its CDRs and its statement."""
