"""Lists as they are given out: drawn once, kept as files, never mixed."""

import gzip
import io
import os
import threading
import time
from pathlib import Path

import pytest

from cast import hashed, set_tokens, token
from echs.base.gzip_concat import HEADER, Crc, deflated
from echs.lists import list_cache
from echs.lists.list_cache import Drawing, RecordTemplate
from echs.partners import enrolment
from echs.partners.enrolment import Ownership
from echs.protocols.ochp02 import token_format
from echs.protocols.record_formats import RECORD_FORMATS
from echs.tokens.token_list import TOKENS


def drawn(payloads):
    return "".join(payload.replace("\x1f", "|") + "\n" for payload in payloads).encode()


PLAIN = RecordTemplate("plain", "|".join(["%s"] * 10) + "\n", drawn)
DRAWING = Drawing(PLAIN, token_format.FORMAT, RECORD_FORMATS.tokens)


def given_out(context, deflated_parts=False):
    return context.drawn.records(context.database, TOKENS, 1, DRAWING, deflated=deflated_parts)


def text_of(context, deflated_parts=False) -> str:
    records = given_out(context, deflated_parts)
    data = b"".join(records)
    records.close()
    if not deflated_parts:
        return data.decode()
    return gzip.decompress(HEADER + data + deflated(b"", last=True) + (records.sum + Crc()).trailer).decode()


def expected(*records) -> str:
    return "".join("|".join(map(str, record)) + "\n" for record in records)


def files(context) -> list[str]:
    return sorted(file.name for file in context.drawn.directory.iterdir())


@pytest.fixture
def lists(context, cast):
    set_tokens(context, cast.tnm, [token(number) for number in range(2500)])
    set_tokens(context, cast.lnd, [token(1, hub=3), token(2, hub=0)])
    return expected(*(token(number) for number in range(2500)), token(1, hub=3), token(2, hub=0))


@pytest.mark.parametrize("compressed", [False, True])
def test_the_first_and_the_second_download_are_the_same_and_the_second_knows_its_length(context, lists, compressed):
    first = given_out(context, compressed)
    assert first.length is None
    data = b"".join(first)
    first.close()
    assert text_of(context, compressed) == lists
    second = given_out(context, compressed)
    assert second.length == len(data)
    assert b"".join(second) == data
    second.close()


def test_compressed_lists_are_made_from_the_rows_or_from_the_file(context, lists):
    assert text_of(context, True) == lists
    assert text_of(context, False) == lists
    for file in context.drawn.directory.glob("*deflate*"):
        file.unlink()
    assert text_of(context, True) == lists


def test_a_replaced_list_is_drawn_anew_and_only_that_one(context, cast, lists):
    text_of(context)
    before = files(context)
    set_tokens(context, cast.lnd, [token(9, hub=3)])
    assert text_of(context).endswith(expected(token(2499), token(9, hub=3)))
    after = files(context)
    assert len(after) == len(before) == 2
    assert len(set(after) & set(before)) == 1


def test_a_download_ends_with_the_generation_that_it_began_with(context, cast, lists):
    text_of(context)
    running = given_out(context)
    pieces = iter(running)
    head = next(pieces)
    set_tokens(context, cast.tnm, [token(7)])
    set_tokens(context, cast.lnd, [token(7, hub=3)])
    text_of(context)
    assert (head + b"".join(pieces)).decode() == lists
    running.close()


def test_a_download_that_draws_ends_with_the_generation_that_it_began_with(context, cast, lists):
    running = given_out(context)
    pieces = iter(running)
    head = next(pieces)
    set_tokens(context, cast.tnm, [token(7)])
    assert (head + b"".join(pieces)).decode() == lists
    running.close()


def test_files_may_be_deleted_at_any_time(context, lists):
    for _ in range(3):
        assert text_of(context) == lists
        for file in context.drawn.directory.iterdir():
            file.unlink()


def test_where_nothing_can_be_kept_lists_are_given_out_all_the_same(context, lists):
    context.drawn.directory.parent.mkdir(parents=True, exist_ok=True)
    context.drawn.directory.write_text("in the way")
    assert text_of(context) == lists
    assert text_of(context, True) == lists


def test_a_disk_that_fills_up_in_the_middle_loses_nothing_and_leaves_nothing(context, lists, monkeypatch):
    written = []
    real = list_cache.AtomicFile.write

    def write(self, data):
        written.append(data)
        if len(written) == 2:
            self.abandon()
        return real(self, data)

    monkeypatch.setattr(list_cache.AtomicFile, "write", write)
    assert text_of(context) == lists
    assert len(files(context)) <= 1


def test_a_file_that_was_cut_is_drawn_anew(context, lists):
    for compressed in (False, True):
        text_of(context, compressed)
        file = max(
            context.drawn.directory.glob("*deflate" if compressed else "*text"), key=lambda each: each.stat().st_size
        )
        for left in (b"", file.read_bytes()[:-30], file.read_bytes()[30:]):
            file.write_bytes(left)
            assert text_of(context, compressed) == lists


def test_both_files_of_an_old_generation_go_with_the_first_of_the_new(context, cast, lists):
    text_of(context)
    text_of(context, True)
    set_tokens(context, cast.tnm, [token(1)])
    set_tokens(context, cast.lnd, [token(1, hub=3)])
    text_of(context)
    assert [name.rpartition("-")[2] for name in files(context)] == ["text", "text"]


def test_two_who_come_at_once_both_get_everything(context, lists):
    got = []
    threads = [threading.Thread(target=lambda: got.append(text_of(context))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [lists] * 6


def test_the_list_of_a_disabled_partner_is_not_given_out_from_a_file_either(context, cast, lists):
    text_of(context)
    enrolment.disable(context, "lnd")
    assert text_of(context) == expected(*(token(number) for number in range(2500)))


def test_a_store_brought_back_from_a_copy_gives_out_its_own_rows(context, cast, lists):
    text_of(context)
    with context.database.write() as transaction:
        heads = TOKENS.keyed.heads
        transaction.execute(heads.update().values(generation=heads.c.generation - 1))
    set_tokens(context, cast.tnm, [token(5)])
    assert text_of(context).startswith(expected(token(5)))


def test_signs_of_formats_and_of_stores_go_out_as_they_came(context, cast):
    strange = [token(1, printed_number="100 %s %d %% \\ \\N \\x41 'q' \"d\" {} $1 {0}", token_hash="é😀")]
    set_tokens(context, cast.tnm, strange)
    assert text_of(context) == expected(*strange)


def test_no_lists_are_an_empty_text(context, cast):
    assert text_of(context) == ""
    assert io.BytesIO(b"".join(given_out(context, True))).read() == b""


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_download_of_many_lists_keeps_few_files_open(context, cast, compressed, monkeypatch):
    monkeypatch.setattr(enrolment, "hash_password", hashed)
    for number in range(60):
        name = f"p{number}"
        partner = enrolment.add_partner(context, name, name, "a password of a test", Ownership([], [name], []))
        set_tokens(context, partner, [token(number, hub=0)])
    texts = []
    for _ in range(2):  # drawn, and then from the files
        before = open_files()
        records = given_out(context, compressed)
        if records.length is None:
            time.sleep(0.5)  # the thread that draws is ahead of the reader
        assert open_files() - before < 20
        texts.append(b"".join(records))
        records.close()
    assert len(set(texts)) == 1
    assert text_of(context, compressed) == expected(*(token(number, hub=0) for number in range(60)))


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power cut could leave a whole name on half a file."""
    done = []
    for name in ("fsync", "replace"):
        really = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *of, name=name, really=really: (done.append(name), really(*of)))
    path = tmp_path / "list-form-1-1.mark-text"
    for _ in list_cache.tee_to_file(path, iter([b"text", Crc(0, 4)])):
        assert not path.exists()
    assert path.read_bytes().startswith(b"text")
    assert done == ["fsync", "replace"]
