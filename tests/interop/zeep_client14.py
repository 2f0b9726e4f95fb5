"""Plays calls of OCHP 1.4 with zeep: reads them from standard input, writes every answer to standard output."""

import json
import sys
from pathlib import Path

from zeep.helpers import serialize_object

sys.path.insert(0, str(Path(sys.argv[1]).parent))
from connect import connect


def main() -> None:
    play = json.load(sys.stdin)
    services = {who: connect(play["wsdl"], who, password) for who, password in play["passwords"].items()}
    answers = []
    for step in play["steps"]:
        answer = getattr(services[step["who"]], step["operation"])(**step["members"])
        answers.append(serialize_object(answer, dict))
    json.dump(answers, sys.stdout)


main()
