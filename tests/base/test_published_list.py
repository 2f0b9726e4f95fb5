"""Lists as they are given out: drawn once, kept as files, never mixed."""

import gzip
import io
import os
import threading
import time
from pathlib import Path

import pytest

from cast import hashed, token
from echs.authorisations import roaming_list
from echs.base.gzip_concat import HEADER, Crc, deflated
from echs.lists import list_cache
from echs.lists.list_cache import RecordTemplate
from echs.partners import enrolment
from echs.partners.enrolment import Ownership

PLAIN = RecordTemplate("plain", "|".join(["%s"] * 10) + "\n", lambda texts: "".join(texts).encode())


def given_out(house, deflated_parts=False):
    return house.drawn.records(house.database, roaming_list.PUBLISHED, PLAIN, deflated=deflated_parts)


def text_of(house, deflated_parts=False) -> str:
    records = given_out(house, deflated_parts)
    data = b"".join(records)
    records.close()
    if not deflated_parts:
        return data.decode()
    return gzip.decompress(HEADER + data + deflated(b"", last=True) + (records.sum + Crc()).trailer).decode()


def expected(*records) -> str:
    return "".join("|".join(map(str, record)) + "\n" for record in records)


def files(house) -> list[str]:
    return sorted(file.name for file in house.drawn.directory.iterdir())


@pytest.fixture
def lists(house, cast):
    roaming_list.replace(house, cast.tnm, [token(number) for number in range(2500)])
    roaming_list.replace(house, cast.lnd, [token(1, hub=3), token(2, hub=0)])
    return expected(*(token(number) for number in range(2500)), token(1, hub=3), token(2, hub=0))


@pytest.mark.parametrize("compressed", [False, True])
def test_the_first_and_the_second_download_are_the_same_and_the_second_knows_its_length(house, lists, compressed):
    first = given_out(house, compressed)
    assert first.length is None
    data = b"".join(first)
    first.close()
    assert text_of(house, compressed) == lists
    second = given_out(house, compressed)
    assert second.length == len(data)
    assert b"".join(second) == data
    second.close()


def test_compressed_lists_are_made_from_the_rows_or_from_the_file(house, lists):
    assert text_of(house, True) == lists
    assert text_of(house, False) == lists
    for file in house.drawn.directory.glob("*deflate*"):
        file.unlink()
    assert text_of(house, True) == lists


def test_a_replaced_list_is_drawn_anew_and_only_that_one(house, cast, lists):
    text_of(house)
    before = files(house)
    roaming_list.replace(house, cast.lnd, [token(9, hub=3)])
    assert text_of(house).endswith(expected(token(2499), token(9, hub=3)))
    after = files(house)
    assert len(after) == len(before) == 2
    assert len(set(after) & set(before)) == 1


def test_a_download_ends_with_the_generation_that_it_began_with(house, cast, lists):
    text_of(house)
    running = given_out(house)
    pieces = iter(running)
    head = next(pieces)
    roaming_list.replace(house, cast.tnm, [token(7)])
    roaming_list.replace(house, cast.lnd, [token(7, hub=3)])
    text_of(house)
    assert (head + b"".join(pieces)).decode() == lists
    running.close()


def test_a_download_that_draws_ends_with_the_generation_that_it_began_with(house, cast, lists):
    running = given_out(house)
    pieces = iter(running)
    head = next(pieces)
    roaming_list.replace(house, cast.tnm, [token(7)])
    assert (head + b"".join(pieces)).decode() == lists
    running.close()


def test_files_may_be_deleted_at_any_time(house, lists):
    for _ in range(3):
        assert text_of(house) == lists
        for file in house.drawn.directory.iterdir():
            file.unlink()


def test_where_nothing_can_be_kept_lists_are_given_out_all_the_same(house, lists):
    house.drawn.directory.parent.mkdir(parents=True, exist_ok=True)
    house.drawn.directory.write_text("in the way")
    assert text_of(house) == lists
    assert text_of(house, True) == lists


def test_a_disk_that_fills_up_in_the_middle_loses_nothing_and_leaves_nothing(house, lists, monkeypatch):
    written = []
    real = list_cache.AtomicFile.write

    def write(self, data):
        written.append(data)
        if len(written) == 2:
            self.abandon()
        return real(self, data)

    monkeypatch.setattr(list_cache.AtomicFile, "write", write)
    assert text_of(house) == lists
    assert len(files(house)) <= 1


def test_a_file_that_was_cut_is_drawn_anew(house, lists):
    for compressed in (False, True):
        text_of(house, compressed)
        file = max(
            house.drawn.directory.glob("*deflate" if compressed else "*text"), key=lambda each: each.stat().st_size
        )
        for left in (b"", file.read_bytes()[:-30], file.read_bytes()[30:]):
            file.write_bytes(left)
            assert text_of(house, compressed) == lists


def test_both_files_of_an_old_generation_go_with_the_first_of_the_new(house, cast, lists):
    text_of(house)
    text_of(house, True)
    roaming_list.replace(house, cast.tnm, [token(1)])
    roaming_list.replace(house, cast.lnd, [token(1, hub=3)])
    text_of(house)
    assert [name.rpartition("-")[2] for name in files(house)] == ["text", "text"]


def test_two_who_come_at_once_both_get_everything(house, lists):
    got = []
    threads = [threading.Thread(target=lambda: got.append(text_of(house))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [lists] * 6


def test_the_list_of_a_disabled_partner_is_not_given_out_from_a_file_either(house, cast, lists):
    text_of(house)
    enrolment.disable(house, "lnd")
    assert text_of(house) == expected(*(token(number) for number in range(2500)))


def test_a_store_brought_back_from_a_copy_gives_out_its_own_rows(house, cast, lists):
    text_of(house)
    with house.database.write() as transaction:
        heads = roaming_list.PUBLISHED.lists.heads
        transaction.execute(heads.update().values(generation=heads.c.generation - 1))
        records = roaming_list.PUBLISHED.lists.records
        transaction.execute(records.update().values(generation=records.c.generation - 1))
    roaming_list.replace(house, cast.tnm, [token(5)])
    assert text_of(house).startswith(expected(token(5)))


def test_signs_of_formats_and_of_stores_go_out_as_they_came(house, cast):
    strange = [token(1, printed_number="100 %s %d %% \\ \\N \\x41 'q' \"d\" {} $1 {0}", token_hash="é😀")]
    roaming_list.replace(house, cast.tnm, strange)
    assert text_of(house) == expected(*strange)


def test_no_lists_are_an_empty_text(house, cast):
    assert text_of(house) == ""
    assert io.BytesIO(b"".join(given_out(house, True))).read() == b""


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_download_of_many_lists_keeps_few_files_open(house, cast, compressed, monkeypatch):
    monkeypatch.setattr(enrolment, "hash_password", hashed)
    for number in range(60):
        name = f"p{number}"
        partner = enrolment.add_partner(house, name, name, "a password of a test", Ownership([], [name], []))
        roaming_list.replace(house, partner, [token(number, hub=0)])
    texts = []
    for _ in range(2):  # drawn, and then from the files
        before = open_files()
        records = given_out(house, compressed)
        if records.length is None:
            time.sleep(0.5)  # the thread that draws is ahead of the reader
        assert open_files() - before < 20
        texts.append(b"".join(records))
        records.close()
    assert len(set(texts)) == 1
    assert text_of(house, compressed) == expected(*(token(number, hub=0) for number in range(60)))


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
