"""Plays the day with zeep: reads it from standard input, writes every answer to standard output."""

import json
import sys
from pathlib import Path

from zeep.helpers import serialize_object

sys.path.insert(0, str(Path(sys.argv[1]).parent))
from connect import connect


def main() -> None:
    play = json.load(sys.stdin)
    service = connect(play["wsdl"], play["soap"])
    logins: dict[str, str] = {}
    answers = []
    for step in play["steps"]:
        login = logins.get(step["who"])
        headers = {play["part"]: login} if login and step["operation"] != "Authenticate" else None
        answer = serialize_object(getattr(service, step["operation"])(_soapheaders=headers, **step["members"]), dict)
        # zeep gives a response with one member as that member.
        answer = answer if "result" in answer or "authToken" in answer else {"result": answer}
        if answer.get("authToken"):
            logins[step["who"]] = answer["authToken"]
        answers.append(answer)
    json.dump(answers, sys.stdout)


main()
