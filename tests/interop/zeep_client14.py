"""Plays calls of OCHP 1.4 with zeep: reads them from standard input, writes every answer to standard output."""

import json
import sys
from pathlib import Path
from typing import Any

from zeep.helpers import serialize_object

sys.path.insert(0, str(Path(sys.argv[1]).parent))
from connect import connect


def with_attributes(value: Any) -> Any:
    """What is an attribute in the contract is a member like any other to this toolkit."""
    if isinstance(value, list):
        return [with_attributes(each) for each in value]
    if not isinstance(value, dict):
        return value
    members = {name.removeprefix("@"): with_attributes(each) for name, each in value.items()}
    if "lat" in members and "type" in members:
        # Of a type that extends one without elements, zeep looks for the attributes of that in here; see the page.
        members["_value_1"] = {"lat": members["lat"], "lon": members["lon"]}
    return members


def main() -> None:
    play = json.load(sys.stdin)
    services: dict[tuple[str, str], Any] = {}
    answers = []
    for step in play["steps"]:
        who, port = step["who"], step["port"]
        if (who, port) not in services:
            wsdl = play["direct" if port.endswith("direct") else "wsdl"]
            services[who, port] = connect(wsdl, who, play["passwords"][who], port)
        answer = getattr(services[who, port], step["operation"])(**with_attributes(step["members"]))
        answers.append(serialize_object(answer, dict))
    json.dump(answers, sys.stdout, default=str)


main()
