"""`make walk` shows where a request goes: what it says is what is executed."""

import json
import subprocess
import sys
from pathlib import Path

WALK = Path(__file__).parents[2] / "bench" / "walk.py"
# On the way of each request: the verb that it is about, and the file of the business that it ends in.
VERBS = {
    "Authenticate": ("partners/login.py", "log_in"),
    "AddCDRs, 1 record": ("cdrs/intake.py", "add"),
    "SetRoamingAuthorisationList, 3 records": ("lists/published_list.py", "PublishedList.replace"),
    "GetRoamingAuthorisationList, first": ("lists/list_cache.py", "ListCache.records"),
    "GetRoamingAuthorisationList, second": ("lists/list_cache.py", "ListCache.records"),
    "ClearCDRs": ("clearing/run.py", "clear"),
    "GetCDRs": ("delivery/cleared_cdrs.py", "deliver"),
}


def walked(*arguments):
    done = subprocess.run(
        [sys.executable, str(WALK), *arguments], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_each_request_is_followed_through_its_verb_from_the_first_file_to_the_last():
    walks = {walk["name"]: walk for walk in json.loads(walked("--json"))}
    assert list(walks) == list(VERBS)
    for name, verb in VERBS.items():
        walk = walks[name]
        assert list(verb) in walk["functions"], name
        assert walk["files"][0] == "serving/request_middleware.py"
        assert len(walk["functions"]) < walk["calls"]
        assert {file for arrow in walk["arrows"] for file in arrow} <= set(walk["files"])
    # The second download opens a file; what the first had to draw is not on its way.
    first, second = (walks[f"GetRoamingAuthorisationList, {which}"]["files"] for which in ("first", "second"))
    assert len(second) < len(first)


def test_one_request_is_shown_in_full():
    out = walked("--of", "clearcdrs")
    assert "clearing/run.py: clear_as, clear, make_run" in out
    assert "AddCDRs" not in out
