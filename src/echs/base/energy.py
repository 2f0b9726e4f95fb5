"""Energy as this program keeps it: whole units of 0.0001 kWh, since money is counted by it and never rounded."""

UNITS_PER_KWH = 10_000


def kwh(volume_e4_kwh: int) -> str:
    """A volume, in units of 0.0001 kWh, as a number of kWh with a point and four decimals."""
    return f"{volume_e4_kwh // UNITS_PER_KWH}.{volume_e4_kwh % UNITS_PER_KWH:04d}"
