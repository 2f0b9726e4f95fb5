"""EVSEs of one location have one address and one position (OCHP 1.4, ChargePointInfo): looked at in each upload."""

import re

_LOCATION = re.compile("<locationId>([^<]*)</locationId>")
_ADDRESS = re.compile("<chargePointAddress>.*?</chargePointAddress>", re.DOTALL)
_POSITION = re.compile("<chargePointLocation [^>]*>")


class SharedLocations:
    """Where the locations of an upload are, as its first EVSE of each says it."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def differs(self, payload: str) -> bool:
        """Whether an EVSE is elsewhere than the first one of its location."""
        location, address, position = (each.search(payload) for each in (_LOCATION, _ADDRESS, _POSITION))
        if location is None or address is None or position is None:
            return False
        # A number of eight bytes: there may be a hundred thousand, and of a clash follows a warning at most.
        place = hash((address[0], position[0]))
        return self._places.setdefault(location[1], place) != place
