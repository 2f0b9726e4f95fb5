"""``echs job``: what the worker does after a commit."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from echs.cli.app_context import ready_context
from echs.cli.output import json_option, print_facts, print_json, print_table, say
from echs.delivery import queue
from echs.delivery.job import Job, JobState


@click.group("job")
def command() -> None:
    """Show and retry background jobs: creating statements after a clearing run. `echs work` runs them."""


@command.command("list")
@click.option("--state", type=click.Choice([each.value for each in JobState]), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Maximum number of rows.")
@json_option
def list_(state: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first. Times are UTC; finished jobs are kept for a week."""
    context = ready_context()
    now = context.clock()
    found = queue.jobs(context, None if state is None else JobState(state), limit)
    if as_json:
        print_json([as_facts(each, now) for each in found])
        return
    print_table(
        "Jobs",
        ("job", "kind", "about", "state", "attempts", "created", "next attempt", "error"),
        (
            (
                each.id,
                each.kind,
                each.key,
                each.state(now),
                each.attempts,
                each.created_at,
                each.due_at if each.state(now) is JobState.WAITING else None,
                each.error or None,
            )
            for each in found
        ),
        right=("job", "attempts"),
        widest="error",
    )


@command.command()
@click.argument("number", metavar="JOB", type=click.IntRange(1))
@json_option
def show(number: int, as_json: bool) -> None:
    """Show one job."""
    context = ready_context()
    facts = as_facts(queue.job_of_number(context, number), context.clock())
    if as_json:
        print_json(facts)
    else:
        print_facts(f"Job {number}", list(facts.items()))


@command.command()
@click.argument("number", metavar="JOB", type=click.IntRange(1))
def retry(number: int) -> None:
    """Retry a failed job."""
    job = queue.retry(ready_context(), number)
    say(f"job {job.id} ({job.kind}, {job.key}) will be retried")


def as_facts(job: Job, now: datetime) -> dict[str, Any]:
    """A job for JSON."""
    return {**asdict(job), "facts": dict(job.facts), "state": job.state(now).value}
