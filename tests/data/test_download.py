"""Downloads survive interruptions, distrust what they get, and say why they failed."""

from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tinynet.data.download import CHUNK, by_answer, download
from tinynet.errors import DataError, MissingDataError

from .conftest import published

NAME = "data.gz"
CONTENT = bytes(range(256)) * 1000
FILE = published(NAME, CONTENT)


@pytest.fixture
def mirror(start_mirror):
    return start_mirror(**{NAME: CONTENT})


def fetch(folder, *mirrors) -> bytes:
    """Download and return the file; nothing but it and its lock may be left in the folder."""
    content = download(FILE, [each if isinstance(each, str) else each.url for each in mirrors], folder, 5)
    assert sorted(entry.name for entry in folder.iterdir()) == [NAME, f"{NAME}.lock"]
    assert content == (folder / NAME).read_bytes()
    return content


def test_a_whole_file_arrives_under_its_name(mirror, tmp_path):
    assert fetch(tmp_path / "new" / "folder", mirror) == CONTENT
    assert mirror.requests == [("GET", f"/{NAME}", None)]
    assert mirror.encodings == {"identity"}


def test_a_part_left_by_an_earlier_run_is_continued(mirror, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    assert fetch(tmp_path, mirror) == CONTENT
    assert mirror.ranges() == ["bytes=1000-"]


def test_a_server_that_ignores_the_range_sends_the_file_anew(mirror, tmp_path):
    mirror.honours_range = False
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    assert fetch(tmp_path, mirror) == CONTENT


def test_an_interrupted_transfer_is_resumed_where_it_broke(mirror, tmp_path):
    mirror.cuts = [100_000, 50_000]
    assert fetch(tmp_path, mirror) == CONTENT
    assert mirror.ranges() == [None, "bytes=100000-", "bytes=150000-"]


def test_a_mirror_that_keeps_breaking_is_continued_at_the_next_one(mirror, start_mirror, tmp_path):
    mirror.cuts = [1000, 1000, 1000]
    second = start_mirror(**{NAME: CONTENT})
    assert fetch(tmp_path, mirror, second) == CONTENT
    assert second.ranges() == ["bytes=3000-"]


def test_an_interrupted_download_keeps_its_part_for_the_next_run(mirror, tmp_path):
    mirror.cuts = [1000, 1000, 1000]
    with pytest.raises(MissingDataError, match="interrupted after 3,000 of 256,000 bytes"):
        download(FILE, [mirror.url], tmp_path, 5)
    assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[:3000]
    assert fetch(tmp_path, mirror) == CONTENT


def test_a_complete_part_needs_no_transfer(mirror, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert fetch(tmp_path, mirror) == CONTENT
    assert mirror.requests == []


@pytest.mark.parametrize("length", [1000, len(CONTENT), len(CONTENT) + 1])
def test_a_spoiled_part_is_thrown_away_and_fetched_again(mirror, tmp_path, length):
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * length)
    assert fetch(tmp_path, mirror) == CONTENT
    assert mirror.ranges()[-1] is None


@pytest.mark.parametrize(
    "wrong", [b"x" * len(CONTENT), CONTENT + b"x", CONTENT[:-1]], ids=["other", "long", "short"]
)
def test_a_mirror_with_another_file_is_passed_over(start_mirror, mirror, tmp_path, wrong):
    assert fetch(tmp_path, start_mirror(**{NAME: wrong}), mirror) == CONTENT


def test_a_wrong_checksum_is_named_with_what_was_expected(start_mirror, tmp_path):
    bad = start_mirror(**{NAME: b"x" * len(CONTENT)})
    with pytest.raises(MissingDataError, match=f"sent another file.*expected.*{FILE.md5}"):
        download(FILE, [bad.url], tmp_path, 5)
    assert [entry.name for entry in tmp_path.iterdir()] == [f"{NAME}.lock"]


def test_a_mirror_that_sends_on_and_on_is_stopped(start_mirror, tmp_path):
    endless = start_mirror(**{NAME: CONTENT + bytes(40 * CHUNK)})
    with pytest.raises(MissingDataError) as caught:
        download(FILE, [endless.url], tmp_path, 5)
    (received,) = re.findall("sent another file, ([0-9,]+) bytes", str(caught.value))
    assert len(CONTENT) < int(received.replace(",", "")) <= len(CONTENT) + CHUNK


def test_a_missing_file_is_asked_for_at_the_next_mirror(start_mirror, mirror, tmp_path):
    assert fetch(tmp_path, start_mirror(), mirror) == CONTENT


def test_an_unreachable_mirror_is_passed_over(refused_url, mirror, tmp_path):
    assert fetch(tmp_path, refused_url, mirror) == CONTENT


def test_a_mirror_whose_file_is_too_short_for_the_range_spoils_nothing(start_mirror, mirror, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:2000])
    assert fetch(tmp_path, start_mirror(**{NAME: CONTENT[:500]}), mirror) == CONTENT
    assert mirror.ranges() == ["bytes=2000-"]


def test_a_mirror_that_sends_another_range_spoils_nothing(start_mirror, mirror, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:2000])
    wrong = start_mirror(**{NAME: CONTENT})
    wrong.shift = 1
    assert fetch(tmp_path, wrong, mirror) == CONTENT
    assert wrong.ranges() == mirror.ranges() == ["bytes=2000-"]


@pytest.mark.parametrize("have", [0, 1000], ids=["anew", "resumed"])
def test_of_two_downloads_at_once_the_second_waits_for_the_first(mirror, tmp_path, have):
    if have:
        (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:have])
    mirror.gate = threading.Event()
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(download, FILE, [mirror.url], tmp_path, 5) for _ in range(2)]
        wait(both, timeout=0.2)  # for a second request, which must not come
        mirror.gate.set()
        assert [each.result() for each in both] == [CONTENT, CONTENT]
    assert len(mirror.requests) == 1
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched_again(mirror, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert fetch(tmp_path, mirror) == CONTENT
    assert mirror.requests == []


def test_a_damaged_file_of_that_name_is_replaced(mirror, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT[:-1] + b"x")
    assert fetch(tmp_path, mirror) == CONTENT


def test_when_all_fail_each_is_listed_with_its_reason(start_mirror, refused_url, tmp_path):
    with pytest.raises(MissingDataError, match="HTTP 404 Not Found; .*unreachable, "):
        download(FILE, [start_mirror().url, refused_url], tmp_path, 5)


def test_a_folder_that_cannot_be_made_is_an_error_of_its_own(mirror, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=f"Cannot write {NAME} into .*XDG_CACHE_HOME"):
        download(FILE, [mirror.url], tmp_path / "file" / "cache", 5)


def test_the_mirror_that_answers_comes_first(start_mirror, refused_url):
    answering = start_mirror().url
    assert by_answer(FILE, [refused_url, answering, refused_url + "/b"], timeout=5) == [
        answering,
        refused_url,
        refused_url + "/b",
    ]


def test_refused_connections_are_reported_at_once(refused_url):
    with pytest.raises(MissingDataError, match="unreachable, .*refused"):
        by_answer(FILE, [refused_url, refused_url], timeout=60)


def test_a_silent_mirror_is_given_up_after_the_timeout(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(MissingDataError, match="no answer in 0.1 s|timed out"):
            by_answer(FILE, [url], timeout=0.1)
