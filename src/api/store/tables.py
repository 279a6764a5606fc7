"""The store's tables. An image is a row like all else: one transaction holds it and its correction, one backup all."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CURSOR = r"^[0-9]{1,17}-[0-9a-f]{32}$"
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
VERSION = 1  # of these tables; raised, with a migration, when they change


class Moment(TypeDecorator[datetime]):
    """A time with its zone: SQLite, which knows no zones, holds UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Any) -> datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Any) -> datetime | None:
        """From UTC."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


class Base(DeclarativeBase):
    """All tables."""


class SchemaVersion(Base):
    """One row: which version of the tables this database has."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class Image(Base):
    """An image as it was sent, once for the same bytes."""

    __tablename__ = "images"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256, hexadecimal
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KeptPrediction(Base):
    """A reading that waits for review, or did."""

    __tablename__ = "predictions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    image: Mapped[str] = mapped_column(ForeignKey("images.digest"), index=True)
    content: Mapped[str] = mapped_column(Text)  # the Prediction, as JSON
    confidence: Mapped[float]
    created: Mapped[datetime] = mapped_column(Moment, index=True)
    waits: Mapped[bool] = mapped_column(default=True)  # for review; False: corrected, accepted or dismissed

    __table_args__ = (Index("queue", "waits", "confidence"),)


class StoredCorrection(Base):
    """What a person says that an image holds."""

    __tablename__ = "corrections"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    prediction_id: Mapped[str] = mapped_column(String(32))
    image: Mapped[str] = mapped_column(ForeignKey("images.digest"), index=True)
    text: Mapped[str] = mapped_column(Text)
    read: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float]
    model_name: Mapped[str] = mapped_column(String(200))
    model_version: Mapped[str] = mapped_column(String(200))
    author: Mapped[str | None] = mapped_column(String(200), index=True)
    writer: Mapped[str | None] = mapped_column(String(200), index=True)
    created: Mapped[datetime] = mapped_column(Moment, index=True)
    current: Mapped[bool] = mapped_column(default=True)  # False: a later correction of the image holds

    @property
    def cursor(self) -> str:
        """Its place among all corrections, which does not depend on whether it is still there."""
        return f"{(self.created - _EPOCH) // _MICROSECOND}-{self.id}"


def place_of(cursor: str) -> tuple[datetime, str]:
    """Time and id of the correction that a cursor was made of.

    Raises:
        ValueError: It is no cursor.
    """
    if re.fullmatch(CURSOR, cursor) is None:
        raise ValueError(f"{cursor!r} is not the `next` of a page")
    microseconds, name = cursor.split("-")
    return _EPOCH + int(microseconds) * _MICROSECOND, name


class KeptVocabulary(Base):
    """A list of texts by its name."""

    __tablename__ = "vocabularies"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    entries: Mapped[str] = mapped_column(Text)  # one a line
    updated: Mapped[datetime] = mapped_column(Moment)


class ApiKey(Base):
    """A key, by its hash."""

    __tablename__ = "api_keys"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(Moment)
    revoked: Mapped[datetime | None] = mapped_column(Moment)
