"""Corrections in the store."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from src.api.store.database import Database
from src.api.store.records import CorrectionFilter, NewCorrection, Removed
from src.api.store.tables import Image, KeptPrediction, StoredCorrection, place_of

_AT_ONCE = 500  # ids in one statement


class Corrections:
    """What people said that images hold."""

    database: Database

    def add_correction(self, new: NewCorrection, image: bytes) -> StoredCorrection:
        """Store a correction and its image; what was said of the image before no longer holds.

        The reading that it corrects no longer waits for review.
        """
        with self.database.session() as session, session.begin():
            digest = keep_image(session, image)
            same = StoredCorrection.image == digest
            session.execute(update(StoredCorrection).where(same).values(current=False))
            waiting = or_(KeptPrediction.id == new.prediction_id, KeptPrediction.image == digest)
            session.execute(update(KeptPrediction).where(waiting).values(waits=False))
            stored = StoredCorrection(
                id=uuid.uuid4().hex, image=digest, created=datetime.now(UTC), current=True, **vars(new)
            )
            session.add(stored)
        return stored

    def correction(self, name: str) -> StoredCorrection | None:
        """Return a correction by its id."""
        with self.database.session() as session:
            return session.get(StoredCorrection, name)

    def corrections(
        self, wanted: CorrectionFilter, after: str | None = None, limit: int = 100
    ) -> Sequence[StoredCorrection]:
        """Return corrections, the newest first.

        Args:
            wanted: Which.
            after: The `cursor` of the last one that is known; None: from the newest on.
            limit: How many at most.

        Raises:
            ValueError: `after` is no cursor.
        """
        table = StoredCorrection
        query = select(table).where(*_conditions(wanted))
        if after is not None:
            created, name = place_of(after)
            query = query.where(or_(table.created < created, (table.created == created) & (table.id < name)))
        with self.database.session() as session:
            return session.scalars(query.order_by(table.created.desc(), table.id.desc()).limit(limit)).all()

    def image(self, digest: str) -> bytes | None:
        """Return an image's bytes by their SHA-256."""
        with self.database.session() as session:
            return session.scalar(select(Image.content).where(Image.digest == digest))

    def truths(self) -> Iterator[tuple[StoredCorrection, bytes]]:
        """The corrections that hold, each with its image, in the order of the images' hashes; one image at a time."""
        table = StoredCorrection
        query = select(table).where(table.current).order_by(table.image).limit(_AT_ONCE)
        last = ""
        while True:
            with self.database.session() as session:
                found = session.scalars(query.where(table.image > last)).all()
            if not found:
                return
            for correction in found:
                content = self.image(correction.image)
                if content is not None:  # None: removed since
                    yield correction, content
            last = found[-1].image

    def delete_correction(self, name: str) -> Removed | None:
        """Remove a correction; its image and readings of it too, if no other correction holds it. None: none."""
        removed = self._delete(StoredCorrection.id == name)
        return removed if removed.corrections else None

    def forget(self, person: str) -> Removed:
        """Remove all corrections by a person and of a person's hand, their images, and readings of these.

        An image stays where another person's correction holds it.
        """
        return self._delete(or_(StoredCorrection.author == person, StoredCorrection.writer == person))

    def _delete(self, chosen: ColumnElement[bool]) -> Removed:
        with self.database.session() as session, session.begin():
            removed = _remove(session, session.scalars(select(StoredCorrection).where(chosen)).all())
        self.database.erase()
        return removed


def keep_image(session: Session, content: bytes) -> str:
    """Store an image once, in a transaction, and lock it until its end; return its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(Image).values(digest=digest, content=content)
    # The update changes nothing and locks the row, which `on_conflict_do_nothing` does not.
    session.execute(row.on_conflict_do_update(index_elements=[Image.digest], set_={"digest": digest}))
    return digest


def lock_images(session: Session, digests: Sequence[str]) -> None:
    """Lock images until the transaction's end, before anything that points to them is changed or removed.

    All transactions lock images first, and in the order of their hashes, so that none waits for one that waits for it.
    SQLite has one writer at a time, and needs no such lock.
    """
    ordered = sorted(digests)
    for first in range(0, len(ordered), _AT_ONCE):
        chosen = Image.digest.in_(ordered[first : first + _AT_ONCE])
        session.execute(select(Image.digest).where(chosen).order_by(Image.digest).with_for_update())


def remove_images(session: Session, digests: Sequence[str]) -> list[str]:
    """Remove those of the images, locked before, that no correction and no reading holds; return their hashes."""
    removed: list[str] = []
    held = or_(
        select(StoredCorrection.id).where(StoredCorrection.image == Image.digest).exists(),
        select(KeptPrediction.id).where(KeptPrediction.image == Image.digest).exists(),
    )
    for first in range(0, len(digests), _AT_ONCE):
        chosen = Image.digest.in_(digests[first : first + _AT_ONCE])
        removed += session.scalars(delete(Image).where(chosen, ~held).returning(Image.digest)).all()
    return removed


def _remove(session: Session, corrections: Sequence[StoredCorrection]) -> Removed:
    digests = sorted({correction.image for correction in corrections})
    lock_images(session, digests)
    for correction in corrections:
        session.delete(correction)
    session.flush()
    for digest in digests:
        left = select(StoredCorrection).where(StoredCorrection.image == digest)
        newest = session.scalars(left.order_by(StoredCorrection.created.desc())).first()
        if newest is not None:
            newest.current = True  # what was said before holds again
        else:
            session.execute(delete(KeptPrediction).where(KeptPrediction.image == digest))
    return Removed(len(corrections), tuple(remove_images(session, digests)))


def _conditions(wanted: CorrectionFilter) -> list[ColumnElement[bool]]:
    table = StoredCorrection
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (table.author, wanted.author),
        (table.writer, wanted.writer),
        (table.model_version, wanted.model),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.since is not None:
        conditions.append(table.created >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.created < wanted.until)
    if wanted.changed is not None:
        conditions.append(table.text != table.read if wanted.changed else table.text == table.read)
    return conditions
