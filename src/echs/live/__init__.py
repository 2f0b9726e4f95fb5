"""Live status: whether an EVSE or a parking spot is free now."""
