"""The canary sings: what it looks for would be found."""

import logging

import pytest

import canary
from cast import PASSWORDS, token

LOGIN = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "secret",
    [
        PASSWORDS["tnm"],
        token(7).token_id,
        token(7).printed_number,
        token(7).pin,
        LOGIN,
        f"/statements/1.1-1.1800000000.{LOGIN}.pdf",
        "a secret that is long enough for a test",
    ],
)
def test_each_kind_of_secret_is_found_in_message_extra_traceback_and_server_log(secret, tmp_path):
    recorder = canary.Recorder()
    logger = logging.Logger("canary", logging.DEBUG)
    logger.addHandler(recorder)
    logger.debug("it is %s", secret)
    logger.debug("beside", extra={"detail": secret})
    try:
        raise ValueError(f"with {secret}")
    except ValueError:
        logger.exception("failed")
    log = tmp_path / "server.log"
    log.write_text(f"{{'path': '{secret}'}}")
    canary.written.add(log)
    try:
        assert len(canary.found(recorder)) == 4
    finally:
        canary.written.discard(log)


def test_what_is_no_secret_is_not_found():
    recorder = canary.Recorder()
    logger = logging.Logger("canary", logging.DEBUG)
    logger.addHandler(recorder)
    logger.info(
        "request", extra={"audit": f"17:{LOGIN}", "path": "/statements/\N{HORIZONTAL ELLIPSIS}", "actor": "tnm"}
    )
    assert canary.found(recorder) == []
