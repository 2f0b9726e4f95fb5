"""``echs cdr``: charge detail records."""

import click

from echs.base.energy import kwh
from echs.cdrs import listing
from echs.cdrs.status import Status
from echs.cli.output import json_option, print_json, print_table, say
from echs.cli.store import ready_house


@click.group("cdr")
def command() -> None:
    """Look up charge detail records."""


@command.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only those in this state.")
@click.option("--run", "run_number", type=click.IntRange(1), metavar="N", help="Only those of this clearing run.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@json_option
def list_(status: str | None, run_number: int | None, limit: int, as_json: bool) -> None:
    """List the newest CDRs, newest first. Times are UTC."""
    found = listing.find(ready_house(), Status(status) if status else None, run_number, limit + 1)
    more, found = len(found) > limit, found[:limit]
    if as_json:
        print_json(found)
    else:
        print_table(
            "Charge detail records",
            ("cdrId", "operator", "provider", "start", "kWh", "received", "status", "run"),
            (
                (
                    each.cdr_id,
                    each.operator_id,
                    each.provider_id,
                    each.started_at,
                    kwh(each.volume_e4_kwh),
                    each.received_at,
                    each.status,
                    each.run_number,
                )
                for each in found
            ),
            right=("kWh", "run"),
        )
    if more:
        say(f"there are more than these {limit}; see --limit")
