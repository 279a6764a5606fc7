"""API keys and lists of texts in the store."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select

from src.api.store.database import Database, changed_rows
from src.api.store.records import StoredKey, StoredVocabulary
from src.api.store.tables import ApiKey, KeptVocabulary
from src.errors import StoreError


class Access:
    """Keys and lists, by name."""

    database: Database

    def add_key(self, name: str, role: str, digest: str) -> None:
        """Keep a key's hash.

        Raises:
            StoreError: A valid key of that name is kept already.
        """
        with self.database.session() as session, session.begin():
            found = session.get(ApiKey, name)
            if found is not None and found.revoked is None:
                raise StoreError(f"a key {name!r} exists; revoke it first, or give the new one another name")
            session.merge(ApiKey(name=name, role=role, digest=digest, created=datetime.now(UTC), revoked=None))

    def keys(self) -> list[StoredKey]:
        """All valid keys, by name."""
        with self.database.session() as session:
            rows = session.scalars(select(ApiKey).where(ApiKey.revoked.is_(None)).order_by(ApiKey.name))
            return [StoredKey(row.name, row.role, row.digest, row.created) for row in rows]

    def revoke_key(self, name: str) -> bool:
        """Make a key invalid; return whether there was one."""
        with self.database.session() as session, session.begin():
            found = session.get(ApiKey, name)
            if found is None or found.revoked is not None:
                return False
            found.revoked = datetime.now(UTC)
            return True

    def put_vocabulary(self, name: str, entries: Sequence[str]) -> StoredVocabulary:
        """Keep a list, in place of the one of that name."""
        stored = StoredVocabulary(name, tuple(entries), datetime.now(UTC))
        with self.database.session() as session, session.begin():
            session.merge(KeptVocabulary(name=name, entries="\n".join(entries), updated=stored.updated))
        return stored

    def vocabulary(self, name: str) -> StoredVocabulary | None:
        """Return a list."""
        with self.database.session() as session:
            found = session.get(KeptVocabulary, name)
            return None if found is None else _vocabulary(found)

    def vocabulary_updated(self, name: str) -> datetime | None:
        """Return when a list was put here; None: there is none."""
        with self.database.session() as session:
            return session.scalar(select(KeptVocabulary.updated).where(KeptVocabulary.name == name))

    def vocabularies(self) -> list[StoredVocabulary]:
        """All lists, by name."""
        with self.database.session() as session:
            return [_vocabulary(row) for row in session.scalars(select(KeptVocabulary).order_by(KeptVocabulary.name))]

    def delete_vocabulary(self, name: str) -> bool:
        """Remove a list; return whether there was one."""
        with self.database.session() as session, session.begin():
            return changed_rows(session, delete(KeptVocabulary).where(KeptVocabulary.name == name)) > 0


def _vocabulary(row: KeptVocabulary) -> StoredVocabulary:
    return StoredVocabulary(row.name, tuple(row.entries.split("\n")), row.updated)
