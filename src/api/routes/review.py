"""The review queue: kept readings, the least certain first."""

import io
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from PIL import Image, ImageOps

from src.api.keys import Role, requires
from src.api.problems import problems
from src.api.routes.corrections import Id
from src.api.schemas import ReviewQueue, WaitingPrediction
from src.api.store import Store

_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "the image"}}


def review_router(store: Store, keeping: bool) -> APIRouter:
    """Make the routes of the review queue.

    Args:
        store: Holds the readings.
        keeping: Whether readings are kept, so that the queue grows.
    """
    router = APIRouter(tags=["review"], dependencies=[Depends(requires(Role.CORRECTOR))])

    @router.get("/review", responses=problems())
    async def review(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> ReviewQueue:
        """Give readings that nobody has looked at, the least certain first; a correction takes one off."""
        found, remaining = await to_thread.run_sync(store.queue, limit)
        items = [WaitingPrediction(**prediction.model_dump(), created=created) for prediction, created in found]
        return ReviewQueue(items=items, remaining=remaining, keeping=keeping)

    @router.post("/review/{name}/dismiss", status_code=204, responses=problems(404))
    async def dismiss(name: Id) -> None:
        """Take a reading off the queue, as there is nothing to read in its image."""
        if not await to_thread.run_sync(store.dismiss, name):
            raise HTTPException(404, "there is no such reading")

    @router.get("/predictions/{name}/image", responses=problems(404) | _PNG, response_class=Response)
    async def image(name: Id) -> Response:
        """Give the image of a kept reading as a PNG, turned as it was read."""
        content = await to_thread.run_sync(_shown, store, name)
        if content is None:
            raise HTTPException(404, "there is no such reading")
        return Response(content, media_type="image/png")

    return router


def _shown(store: Store, name: str) -> bytes | None:
    """A kept image in the one format that all browsers show; it was decoded before, when it was read."""
    found = store.prediction(name)
    content = store.image(found[1]) if found else None
    if content is None:
        return None
    with Image.open(io.BytesIO(content)) as image:
        buffer = io.BytesIO()
        turned = ImageOps.exif_transpose(image)
        kept = turned if turned.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else turned.convert("RGB")
        kept.save(buffer, "PNG")
    return buffer.getvalue()
