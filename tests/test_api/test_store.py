"""The store by itself, in both databases."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from src.api.schemas import ImageSize, ModelName, Prediction
from src.api.store import CorrectionFilter, NewCorrection, Store, StoredCorrection
from src.api.store.tables import VERSION, KeptPrediction
from src.errors import StoreError
from tests.test_api.server import ROOT

ALL = CorrectionFilter()


def prediction(number: int = 0, confidence: float = 0.5) -> Prediction:
    return Prediction(
        id=f"{number:032x}", text="Bann", confidence=confidence, needs_review=False, alternatives=[], characters=[],
        words=[], image=ImageSize(width=9, height=9), model=ModelName(name="tiny", version="1"),
    )  # fmt: skip


def new(right: str = "Bonn", number: int = 0, **changes: object) -> NewCorrection:
    values: dict[str, object] = {
        "prediction_id": f"{number:032x}", "read": "Bann", "confidence": 0.5, "model_name": "tiny", "model_version": "1"
    }  # fmt: skip
    return NewCorrection(text=right, **(values | changes))


def digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


def texts(store: Store, wanted: CorrectionFilter = ALL) -> list[str]:
    return [correction.text for correction in store.corrections(wanted)]


def truths(store: Store) -> dict[bytes, str]:
    pairs = [(image, correction.text) for correction, image in store.truths()]
    assert len(pairs) == len(dict(pairs)), "an image has one truth"
    return dict(pairs)


def test_lists_are_kept_replaced_and_removed(store: Store) -> None:
    assert store.vocabularies() == []
    assert store.vocabulary("towns") is None
    before = datetime.now(UTC)
    store.put_vocabulary("towns", ["Bonn", "Köln", "Bad Homburg"])
    store.put_vocabulary("names", ["Anna"])
    store.put_vocabulary("towns", ["Bonn", "Köln"])
    kept = store.vocabulary("towns")
    assert kept is not None
    assert kept.entries == ("Bonn", "Köln")
    assert before <= kept.updated <= datetime.now(UTC)
    assert [one.name for one in store.vocabularies()] == ["names", "towns"]
    assert store.delete_vocabulary("towns")
    assert not store.delete_vocabulary("towns")
    assert [one.name for one in store.vocabularies()] == ["names"]


def test_keys_are_kept_until_they_are_revoked(store: Store) -> None:
    store.add_key("scanner", "reader", "0" * 64)
    with pytest.raises(StoreError, match="'scanner' exists"):
        store.add_key("scanner", "admin", "1" * 64)
    ((name, role, kept),) = [(key.name, key.role, key.digest) for key in sorted(store.keys(), key=lambda key: key.name)]
    assert (name, role, kept) == ("scanner", "reader", "0" * 64)
    assert store.revoke_key("scanner")
    assert not store.revoke_key("scanner")
    assert store.keys() == []
    store.add_key("scanner", "admin", "1" * 64)
    assert [key.role for key in sorted(store.keys(), key=lambda key: key.name)] == ["admin"]


def test_what_is_stored_is_there_for_the_next_process(database_url: str) -> None:
    first = Store(database_url)
    stored = first.add_correction(new("Bönn", author="ml", writer="me"), b"image")
    first.close()
    second = Store(database_url)
    found = second.correction(stored.id)
    assert found is not None
    assert (found.text, found.read, found.author, found.writer) == ("Bönn", "Bann", "ml", "me")
    assert found.created == stored.created
    assert found.created.utcoffset() == timedelta(0)
    assert second.image(found.image) == b"image"
    assert found.image == digest(b"image")
    second.close()


def test_the_last_correction_of_an_image_holds(store: Store) -> None:
    first, second = store.add_correction(new("one"), b"image"), store.add_correction(new("two", 1), b"image")
    other = store.add_correction(new("other", 2), b"another")
    assert truths(store) == {b"image": "two", b"another": "other"}
    assert texts(store) == ["other", "two", "one"], "what it replaced is still listed"
    assert [store.correction(one.id).current for one in (first, second, other)] == [False, True, True]
    assert store.delete_correction(second.id).images == ()
    assert truths(store)[b"image"] == "one", "what was said before holds again"
    assert store.delete_correction(first.id).images == (digest(b"image"),)
    assert store.delete_correction(first.id) is None
    assert store.image(digest(b"image")) is None


def test_corrections_of_one_image_at_the_same_time_leave_one_truth(store: Store) -> None:
    store.add_correction(new("first"), b"image")
    with ThreadPoolExecutor(8) as threads:
        for made in [threads.submit(store.add_correction, new(f"text {i}", i), b"image") for i in range(40)]:
            made.result()
    assert len(truths(store)) == 1
    assert len(store.corrections(ALL, limit=100)) == 41


def test_removing_and_correcting_an_image_at_the_same_time_loses_no_correction(store: Store) -> None:
    def correct(number: int) -> StoredCorrection:
        return store.add_correction(new(f"text {number}", number), b"image")

    kept: list[StoredCorrection] = []
    with ThreadPoolExecutor(4) as threads:
        for number in range(30):
            doomed = correct(1000 + number)
            removal = threads.submit(store.delete_correction, doomed.id)
            kept.append(threads.submit(correct, number).result())
            assert removal.result() is not None
            assert store.image(digest(b"image")) == b"image"
    assert truths(store) == {b"image": kept[-1].text}
    assert {found.id for found in store.corrections(ALL)} == {one.id for one in kept}


def test_filters(store: Store) -> None:
    store.add_correction(new("Bonn", author="ml", writer="me"), b"1")
    middle = store.add_correction(new("Bann", 1, author="ml", model_version="2"), b"2")
    store.add_correction(new("Köln", 2, author="jo", writer="ml"), b"3")
    for wanted, expected in (
        (CorrectionFilter(author="ml"), ["Bann", "Bonn"]),
        (CorrectionFilter(writer="ml"), ["Köln"]),
        (CorrectionFilter(model="2"), ["Bann"]),
        (CorrectionFilter(changed=True), ["Köln", "Bonn"]),
        (CorrectionFilter(changed=False), ["Bann"]),
        (CorrectionFilter(since=middle.created), ["Köln", "Bann"]),
        (CorrectionFilter(until=middle.created), ["Bonn"]),
        (CorrectionFilter(author="ml", changed=True), ["Bonn"]),
        (CorrectionFilter(author="nobody"), []),
    ):
        assert texts(store, wanted) == expected, wanted


def test_pages_have_each_correction_once_whatever_is_removed_and_added_between(store: Store) -> None:
    made = [store.add_correction(new(str(number), number), b"%d" % number) for number in range(7)]
    seen: list[str] = []
    after = None
    while page := store.corrections(ALL, after, limit=2):
        seen += [one.text for one in page]
        after = page[-1].cursor
        store.delete_correction(page[-1].id)
        store.add_correction(new("later", 100 + len(seen)), b"later %d" % len(seen))
    assert seen == [one.text for one in reversed(made)]


@pytest.mark.parametrize("cursor", ["", "x", "0" * 32, "99999999999999999999-0", "-", "1-\0"])
def test_a_cursor_that_was_never_given_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="`next` of a page"):
        store.corrections(ALL, cursor)


def test_the_queue_begins_with_the_least_certain(store: Store) -> None:
    for number, confidence in enumerate((0.9, 0.1, 0.5, 0.7)):
        store.keep_prediction(prediction(number, confidence), b"%d" % number)
    waiting, count = store.queue(2)
    assert [reading.confidence for reading, _ in waiting] == [0.1, 0.5]
    assert count == 4
    assert store.prediction(f"{1:032x}") == (prediction(1, 0.1), digest(b"1"))
    assert store.dismiss(f"{1:032x}")
    assert not store.dismiss("f" * 32)
    store.add_correction(new("right", 2), b"2")
    waiting, count = store.queue(10)
    assert ([reading.confidence for reading, _ in waiting], count) == ([0.7, 0.9], 2)


def test_old_readings_go_and_what_corrections_hold_stays(store: Store) -> None:
    for number in range(4):
        store.keep_prediction(prediction(number), b"%d" % number)
    store.keep_prediction(prediction(4), b"0")
    store.add_correction(new("right", 1), b"1")
    old = update(KeptPrediction).where(KeptPrediction.id.in_([f"{number:032x}" for number in (0, 1, 2)]))
    with store.database.session() as session, session.begin():
        session.execute(old.values(created=datetime.now(UTC) - timedelta(days=31)))
    assert store.purge(30) == 3
    assert [store.prediction(f"{number:032x}") is None for number in range(5)] == [True, True, True, False, False]
    assert [store.image(digest(b"%d" % number)) for number in range(4)] == [b"0", b"1", None, b"3"]
    assert store.purge(30) == 0


def test_a_person_is_forgotten_and_others_keep_theirs(store: Store) -> None:
    store.add_correction(new("by ml", 0, author="ml"), b"by")
    store.add_correction(new("of ml", 1, author="jo", writer="ml"), b"of")
    store.add_correction(new("by jo", 2, author="jo"), b"shared")
    store.add_correction(new("shared", 3, author="ml"), b"shared")
    for number, image in enumerate((b"by", b"shared", b"other")):
        store.keep_prediction(prediction(number), image)
    removed = store.forget("ml")
    assert removed.corrections == 3
    assert sorted(removed.images) == sorted((digest(b"by"), digest(b"of")))
    assert truths(store) == {b"shared": "by jo"}
    assert [store.prediction(f"{number:032x}") is None for number in range(3)] == [True, False, False]
    assert store.forget("ml").corrections == 0


def test_a_database_of_a_later_version_is_refused(database_url: str) -> None:
    first = Store(database_url)
    first.keys()
    with first.database.session() as session, session.begin():
        session.execute(text(f"UPDATE schema_version SET version = {VERSION + 1}"))
    first.close()
    with pytest.raises(StoreError, match=f"later version of Longhand .{VERSION + 1}."):
        Store(database_url).keys()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("no url", "not a database's URL"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:9/none", "cannot be opened"),
        ("sqlite:////dev/null/longhand.db", "cannot be opened"),
        ("oracle://host/name", "SQLite or PostgreSQL"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        Store(url).keys()
    assert "secret" not in str(caught.value)


def test_processes_that_open_an_empty_database_together_all_can(database_url: str) -> None:
    program = (
        "import sys; from src.api.store import Store; s = Store(sys.argv[1]); s.add_key(sys.argv[2], 'reader', '0')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, database_url, f"key{i}"], cwd=ROOT, stderr=subprocess.PIPE)
        for i in range(6)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, errors
    store = Store(database_url)
    assert len(store.keys()) == 6
    store.close()


@pytest.mark.parametrize("remove", [lambda s, one: s.delete_correction(one.id), lambda s, _: s.forget("Zofia")])
def test_what_is_removed_is_in_no_file_any_more(
    tmp_path: Path, remove: Callable[[Store, StoredCorrection], object]
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    image = b"IMAGE-OF-ZOFIA" * 3000  # several pages of the file
    for number in range(50):
        store.add_correction(new("Bonn", number, author="ml"), b"%d" % number * 5000)
    store.keep_prediction(prediction(77), image)
    doomed = store.add_correction(new("Krakowiak", 77, author="Zofia"), image)
    assert all(_traces(tmp_path, trace) for trace in (b"Krakowiak", b"Zofia", b"IMAGE-OF-ZOFIA"))
    assert remove(store, doomed)
    assert [_traces(tmp_path, trace) for trace in (b"Krakowiak", b"Zofia", b"IMAGE-OF-ZOFIA")] == [[], [], []]
    assert len(truths(store)) == 50
    store.close()


def test_removal_waits_for_readers_that_still_see_what_was(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    doomed = store.add_correction(new("Krakowiak"), b"image")
    reader = store.database.session()
    assert reader.get(StoredCorrection, doomed.id) is not None
    with ThreadPoolExecutor(1) as threads:
        removal = threads.submit(store.delete_correction, doomed.id)
        time.sleep(0.5)
        reader.close()
        assert removal.result(timeout=30) is not None
    assert _traces(tmp_path, b"Krakowiak") == []
    store.close()


def test_readings_whose_time_is_over_are_in_no_file_any_more(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    store.keep_prediction(prediction(), b"OLD IMAGE")
    assert store.purge(0) == 1
    assert _traces(tmp_path, b"OLD IMAGE") == []
    store.close()


def _traces(folder: Path, trace: bytes) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if trace in path.read_bytes()]
