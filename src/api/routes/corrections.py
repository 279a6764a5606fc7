"""Corrections: what the service learns from."""

import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BeforeValidator

from src.api.export import corrections_archive
from src.api.keys import Role, requires
from src.api.problems import problems
from src.api.reader import Reader, Request
from src.api.recent import Recent
from src.api.schemas import Correction, Corrections, Forgotten, ModelName, Prediction
from src.api.settings import ServiceSettings
from src.api.store import CURSOR, CorrectionFilter, NewCorrection, Store, StoredCorrection
from src.monitoring.metrics import Metrics

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["5c4f6f0e0c0f4b6c9a6e1c6f4be1a2d3"])]
# RFC 3339, with its zone; not a bare number, which pydantic would take for seconds.
Moment = Annotated[AwareDatetime, BeforeValidator(lambda value: value if "-" in str(value)[1:] else "")]
_MAX_TEXT = 1000
_MAX_NAME = 200
_GZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/gzip": {}}, "description": "the archive"}}


def corrections_router(
    reader: Reader, settings: ServiceSettings, store: Store, recent: Recent, metrics: Metrics
) -> APIRouter:
    """Make the routes of corrections.

    Args:
        reader: Reads images that come with a correction whose reading is not known.
        settings: Limits.
        store: Holds the corrections.
        recent: Remembers the last readings.
        metrics: Where corrections are counted.
    """
    router = APIRouter(tags=["corrections"])
    admin = Depends(requires(Role.ADMIN))

    async def known(prediction_id: str | None, file: UploadFile | None) -> tuple[Prediction, bytes]:
        """The reading that is corrected, and its image."""
        if prediction_id:
            found = recent.get(prediction_id) or await to_thread.run_sync(_kept, store, prediction_id)
            if found:
                return found
        if file is None:
            detail = "this reading is no longer remembered" if prediction_id else "no prediction_id"
            raise HTTPException(404 if prediction_id else 422, f"{detail}: send the image as `file`")
        if (file.size or 0) > settings.max_upload_bytes:
            raise HTTPException(413, f"the upload is larger than {settings.max_upload_bytes:,} bytes")
        content = await file.read()
        return await reader.read(content, Request(0, 0.0)), content

    @router.post(
        "/corrections", status_code=201, dependencies=[Depends(requires(Role.CORRECTOR))], responses=problems(404, 415)
    )
    async def correct(
        text: Annotated[str, Form(min_length=1, max_length=_MAX_TEXT, description="what the image says")],
        prediction_id: Annotated[str | None, Form(pattern="^([0-9a-f]{32})?$", description="the reading's id")] = None,
        author: Annotated[str | None, Form(max_length=_MAX_NAME, description="who corrects")] = None,
        writer: Annotated[str | None, Form(max_length=_MAX_NAME, description="whose hand it is")] = None,
        file: Annotated[
            UploadFile | None, File(description="the image, if the reading is no longer remembered")
        ] = None,
    ) -> Correction:
        """Say what an image holds: another text than was read, or the same to accept it.

        It is stored with its image before the answer comes.
        """
        right = _plain(text, "text")
        if not right:
            raise HTTPException(422, "text: nothing but spaces")
        prediction, content = await known(prediction_id, file)
        new = NewCorrection(
            text=right,
            prediction_id=prediction.id,
            read=prediction.text,
            confidence=prediction.confidence,
            model_name=prediction.model.name,
            model_version=prediction.model.version,
            author=_plain(author or "", "author") or None,
            writer=_plain(writer or "", "writer") or None,
        )
        stored = await to_thread.run_sync(store.add_correction, new, content)
        metrics.corrections.labels(str(new.text != new.read).lower()).inc()
        loaded = reader.recognizer
        metrics.charset_misses.inc(loaded is not None and bool(loaded.charset.unknown(new.text)))
        return _told(stored)

    @router.get("/corrections", dependencies=[admin], responses=problems())
    async def corrections(
        author: Annotated[str | None, Query(max_length=_MAX_NAME)] = None,
        writer: Annotated[str | None, Query(max_length=_MAX_NAME)] = None,
        model: Annotated[str | None, Query(max_length=_MAX_NAME, description="a model's version")] = None,
        since: Annotated[Moment | None, Query(description="stored then or later")] = None,
        until: Annotated[Moment | None, Query(description="stored before")] = None,
        changed: Annotated[bool | None, Query(description="whether the text differs from what was read")] = None,
        after: Annotated[str | None, Query(pattern=CURSOR, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Corrections:
        """List corrections, the newest first."""
        wanted = CorrectionFilter(
            _asked(author, "author"), _asked(writer, "writer"), _asked(model, "model"), since, until, changed
        )
        found = await to_thread.run_sync(store.corrections, wanted, after, limit + 1)
        items = [_told(one) for one in found[:limit]]
        return Corrections(items=items, next=found[limit - 1].cursor if len(found) > limit else None)

    @router.get(
        "/corrections.tar.gz", dependencies=[admin], response_class=StreamingResponse, responses=problems() | _GZIP
    )
    async def export() -> StreamingResponse:
        """Give the corrections that hold, with their images, as an archive that `longhand import` takes."""
        chunks: Iterator[bytes] = corrections_archive(store)
        first = await to_thread.run_sync(next, chunks, b"")  # a store that cannot be opened is told before the answer
        headers = {"Content-Disposition": 'attachment; filename="corrections.tar.gz"'}
        return StreamingResponse(_behind(first, chunks), headers=headers, media_type="application/gzip")

    @router.get("/corrections/{name}", dependencies=[admin], responses=problems(404))
    async def correction(name: Id) -> Correction:
        """Give a correction."""
        found = await to_thread.run_sync(store.correction, name)
        if found is None:
            raise HTTPException(404, "there is no such correction")
        return _told(found)

    @router.get("/corrections/{name}/image", dependencies=[admin], responses=problems(404))
    async def image(name: Id) -> Response:
        """Give a correction's image, as it was sent."""
        found = await to_thread.run_sync(store.correction, name)
        content = await to_thread.run_sync(store.image, found.image) if found else None
        if content is None:
            raise HTTPException(404, "there is no such correction")
        return Response(content, media_type="application/octet-stream")

    @router.delete("/corrections/{name}", status_code=204, dependencies=[admin], responses=problems(404))
    async def delete(name: Id) -> None:
        """Remove a correction; its image and readings of it go too, if no other correction holds it."""
        removed = await to_thread.run_sync(store.delete_correction, name)
        if removed is None:
            raise HTTPException(404, "there is no such correction")
        recent.forget(removed.images)

    @router.delete("/people/{name:path}", dependencies=[admin], responses=problems())
    async def forget(name: Annotated[str, Path(max_length=_MAX_NAME)]) -> Forgotten:
        """Forget a person: all corrections by and of them, with images and texts."""
        removed = await to_thread.run_sync(store.forget, _plain(name, "name"))
        recent.forget(removed.images)
        return Forgotten(corrections=removed.corrections, images=len(removed.images))

    return router


def _kept(store: Store, prediction_id: str) -> tuple[Prediction, bytes] | None:
    found = store.prediction(prediction_id)
    image = store.image(found[1]) if found else None
    return (found[0], image) if found and image is not None else None


def _plain(text: str, field: str) -> str:
    """Text as trainings know it: composed characters, single spaces.

    Raises:
        HTTPException: It holds control characters (422).
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in composed):
        raise HTTPException(422, f"{field}: control characters cannot be written by hand")
    return composed


def _asked(text: str | None, field: str) -> str | None:
    """What is asked for, written as it is stored."""
    return None if text is None else _plain(text, field)


def _told(stored: StoredCorrection) -> Correction:
    model = ModelName(name=stored.model_name, version=stored.model_version)
    values = {name: getattr(stored, name) for name in Correction.model_fields if name != "model"}
    return Correction.model_validate(values | {"model": model})


def _behind(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
