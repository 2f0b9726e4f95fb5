"""OCHP 1.4: how fast charge points, CDRs and live statuses go up and come down. In one process, on SQLite.

    .venv/bin/python bench/records14.py
    .venv/bin/python bench/records14.py --cdrs 10000 --statuses 100000

CPU seconds of this process, of whole requests through the WSGI application: W11 many statuses in one request, W12 one
status a request, W13 the statuses of all and the last ones, W14 CDRs of two periods; and charge points. Each is given
beside its floor: expat with empty handlers over the same bytes.
"""

import argparse
import resource
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from rich.console import Console
from rich.table import Table
from tokens14 import Service, cpu, expat, request

ONE_BY_ONE = 500
LAST = 3000
TIMES = "".join(
    f"<{name}><LocalDateTime>2026-09-24T1{hour}:00:00+02:00</LocalDateTime></{name}>"
    for name, hour in (("startDateTime", 0), ("endDateTime", 1))
)
ADDRESS = (
    "<chargePointAddress><houseNumber>10</houseNumber><address>Kade</address><city>Utrecht</city>"
    "<zipCode>3511 AB</zipCode><country>NLD</country></chargePointAddress>"
)
CONNECTOR = (
    "<connectorStandard><ConnectorStandard>IEC_62196_T2</ConnectorStandard></connectorStandard>"
    "<connectorFormat><ConnectorFormat>Cable</ConnectorFormat></connectorFormat>"
)


def period(item: str, value: str, price: str, cost: str) -> str:
    """A billing period."""
    return (
        f"<chargingPeriods>{TIMES}<billingItem><BillingItemType>{item}</BillingItemType></billingItem>"
        f"<billingValue>{value}</billingValue><itemPrice>{price}</itemPrice><periodCost>{cost}</periodCost>"
        "<taxrate>21</taxrate></chargingPeriods>"
    )


PERIODS = period("energy", "12.5", "0.4", "5.0") + period("serviceFee", "1", "0.5", "0.5")


def cdr(number: int) -> str:
    """A CDR of two periods."""
    return (
        f"<cdrInfoArray><CdrId>NLOPR{number:08d}</CdrId><evseId>NL*OPR*E{number % 5000:05d}</evseId><emtId><instance>"
        f"{number:014X}</instance><tokenType>rfid</tokenType></emtId><contractId>NL-TNM-C{number:08d}</contractId><status>"
        f"<CdrStatusType>new</CdrStatusType></status>{TIMES}<duration>001:00:00</duration>{ADDRESS}"
        f"<chargePointType>AC</chargePointType><connectorType>{CONNECTOR}</connectorType><meterId>M-{number}</meterId>"
        f"{PERIODS}<totalCost>5.5</totalCost><currency>EUR</currency></cdrInfoArray>"
    )


def point(number: int) -> str:
    """A charge point."""
    return (
        f"<chargePointInfoArray><evseId>NL*OPR*E{number:05d}</evseId><locationId>L {number // 4}</locationId><locationName>"
        f"Station {number // 4}</locationName><locationNameLang>NLD</locationNameLang>{ADDRESS}<chargePointLocation "
        'lat="52.091200" lon="5.122100"/><openingTimes><twentyfourseven>true</twentyfourseven><closedCharging>true'
        "</closedCharging></openingTimes><status><ChargePointStatusType>Operative</ChargePointStatusType></status><location>"
        "<GeneralLocationType>on-street</GeneralLocationType></location><authMethods><AuthMethodType>RfidMifareDes"
        f"</AuthMethodType></authMethods><connectors>{CONNECTOR}</connectors><chargePointType>AC</chargePointType>"
        "<ratings><maximumPower>22</maximumPower></ratings></chargePointInfoArray>"
    )


def status(number: int) -> str:
    """The status of an EVSE."""
    return f'<evse major="not-available" minor="charging"><evseId>NL*OPR*E{number:06d}</evseId></evse>'


def lines(cdrs: int, statuses: int) -> Iterator[tuple[str, str, str]]:
    """What was measured: work, CPU, what stands beside."""
    with tempfile.TemporaryDirectory(prefix="echs-records14-") as work:
        service = Service(work, max(cdrs, statuses))
        body = request("operator", "AddCDRs", "".join(map(cdr, range(cdrs))))
        floor = median(cpu(lambda: expat(body)) for _ in range(3))
        took = cpu(lambda: service.answer(body))
        yield f"W14: AddCDRs {cdrs:,} of two periods", f"{took:.2f} s", f"{took / floor:.1f} x expat"
        again = cpu(lambda: service.answer(body))
        yield "the same again", f"{again:.2f} s", f"{again / floor:.1f} x expat"
        got = cpu(lambda: service.answer(request("provider", "GetCDRs")))
        yield f"GetCDRs {cdrs:,}", f"{got:.2f} s", ""
        points = request("operator", "SetChargePointList", "".join(map(point, range(cdrs))))
        floor = median(cpu(lambda: expat(points)) for _ in range(3))
        took = cpu(lambda: service.answer(points))
        yield f"Set {cdrs:,} charge points", f"{took:.2f} s", f"{took / floor:.1f} x expat"
        many = request("operator", "UpdateStatus", "".join(map(status, range(10_000))))
        floor = median(cpu(lambda: expat(many)) for _ in range(3))
        took = median(cpu(lambda: service.answer(many)) for _ in range(3))
        yield (
            "W11: UpdateStatus of 10,000",
            f"{took:.2f} s",
            f"{10_000 / took:,.0f} a second, {took / floor:.1f} x expat",
        )
        one = cpu(lambda: service.answer(request("operator", "UpdateStatus", status(1))), ONE_BY_ONE)
        yield "W12: UpdateStatus of one", f"{one * 1000:.2f} ms", f"{1 / one:,.0f} a second and core"
        for start in range(10_000, statuses, 10_000):
            service.answer(request("operator", "UpdateStatus", "".join(map(status, range(start, start + 10_000)))))
        everything = request("provider", "GetStatus")
        took = median(cpu(lambda: service.answer(everything)) for _ in range(3))
        size = len(service.answer(everything))
        yield f"W13: GetStatus of {statuses:,}", f"{took:.2f} s", f"{size / 1e6:.1f} MB"
        service.ahead = timedelta(hours=1)
        service.answer(request("operator", "UpdateStatus", "".join(map(status, range(LAST)))))
        since = (datetime.now(UTC) + service.ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        asked = request("provider", "GetStatus", f"<startDateTime><DateTime>{since}</DateTime></startDateTime>")
        took = median(cpu(lambda: service.answer(asked)) for _ in range(3))
        yield f"W13: GetStatus of the last {LAST:,}", f"{took * 1000:.0f} ms", ""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield "memory at most", f"{peak:.0f} MiB", "of the whole process"
        service.context.live.close()
        service.context.database.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cdrs", type=int, default=10_000, help="in one upload (default: 10,000)")
    parser.add_argument("--statuses", type=int, default=100_000, help="kept (default: 100,000)")
    options = parser.parse_args()
    console = Console()
    table = Table("OCHP 1.4", "CPU", "beside")
    with console.status("measuring"):
        for line in lines(options.cdrs, options.statuses):
            table.add_row(*line)
    console.print(table)


if __name__ == "__main__":
    main()
