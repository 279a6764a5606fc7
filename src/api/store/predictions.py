"""Kept readings in the store: the review queue."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select, update

from src.api.schemas import Prediction
from src.api.store.corrections import keep_image, lock_images, remove_images
from src.api.store.database import Database, changed_rows
from src.api.store.tables import KeptPrediction


class Predictions:
    """Readings that are kept with their images, where the operator turned that on."""

    database: Database

    def keep_prediction(self, prediction: Prediction, image: bytes) -> None:
        """Keep a reading for review."""
        with self.database.session() as session, session.begin():
            session.add(
                KeptPrediction(
                    id=prediction.id,
                    image=keep_image(session, image),
                    content=prediction.model_dump_json(),
                    confidence=prediction.confidence,
                    created=datetime.now(UTC),
                )
            )

    def prediction(self, name: str) -> tuple[Prediction, str] | None:
        """Return a kept reading by its id, and its image's hash."""
        with self.database.session() as session:
            found = session.get(KeptPrediction, name)
            return None if found is None else (Prediction.model_validate_json(found.content), found.image)

    def queue(self, limit: int) -> tuple[list[tuple[Prediction, datetime]], int]:
        """Return readings that wait for review, the least certain first, with their times; and how many wait in all."""
        waits = KeptPrediction.waits.is_(True)
        with self.database.session() as session:
            ordered = select(KeptPrediction).where(waits).order_by(KeptPrediction.confidence, KeptPrediction.id)
            rows = session.scalars(ordered.limit(limit)).all()
            count = session.scalar(select(func.count()).select_from(KeptPrediction).where(waits)) or 0
        return [(Prediction.model_validate_json(row.content), row.created) for row in rows], count

    def dismiss(self, name: str) -> bool:
        """Take a reading off the queue, as there is nothing to read; return whether there is such a reading."""
        with self.database.session() as session, session.begin():
            changed = update(KeptPrediction).where(KeptPrediction.id == name).values(waits=False)
            return changed_rows(session, changed) > 0

    def purge(self, days: float) -> int:
        """Remove readings that are older, and images that nothing else holds; return how many readings."""
        old = KeptPrediction.created < datetime.now(UTC) - timedelta(days=days)
        with self.database.session() as session, session.begin():
            digests = list(session.scalars(select(KeptPrediction.image).where(old).distinct()))
            lock_images(session, digests)
            count = changed_rows(session, delete(KeptPrediction).where(old))
            remove_images(session, digests)
        self.database.erase()
        return count
