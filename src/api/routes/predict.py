"""Reading: one image, or many."""

from asyncio import Task, create_task
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, HTTPException, UploadFile

from src.api.keys import Role, requires
from src.api.problems import problem_of, problems
from src.api.reader import Reader, Request
from src.api.schemas import BatchLine, Prediction
from src.api.settings import ServiceSettings
from src.api.store import Store
from src.api.uploads import each_file
from src.api.vocabularies import Restriction, VocabularyCache

_MAX_ALTERNATIVES = 20
_IMAGE = "PNG, JPEG, TIFF, WebP or BMP of a word or a line"


def predict_router(reader: Reader, settings: ServiceSettings, store: Store) -> APIRouter:
    """Make the routes that read images.

    Args:
        reader: Reads them.
        settings: Limits.
        store: Holds lists of texts by name.
    """
    # A list of texts is a field of the form, and may be long.
    form_limits = {"max_files": settings.max_batch_files, "max_part_size": 256 * settings.max_vocabulary}
    router = APIRouter(
        tags=["reading"],
        dependencies=[Depends(requires(Role.READER))],
        form_limits=form_limits,  # type: ignore[arg-type]
    )
    cache = VocabularyCache()

    async def asked(
        alternatives: Annotated[int, Form(ge=0, le=_MAX_ALTERNATIVES, description="other texts to give at most")] = 3,
        min_confidence: Annotated[
            float, Form(ge=0.0, le=1.0, description="a reading below it is flagged: needs_review")
        ] = settings.min_confidence,
        vocabulary: Annotated[str | None, Form(description="the only texts that are possible, one a line")] = None,
        vocabulary_name: Annotated[str | None, Form(description="a list that is kept on the server")] = None,
        careful: Annotated[bool, Form(description="fewer errors, for three to four times the time")] = False,
    ) -> Request:
        if vocabulary is None and vocabulary_name is None:
            return Request(alternatives, min_confidence, careful=careful)
        restriction = Restriction(cache, store, vocabulary, vocabulary_name, settings.max_vocabulary)
        return Request(alternatives, min_confidence, restriction, careful)

    @router.post("/predict/", responses=problems(404, 415))
    async def predict(
        file: Annotated[UploadFile, File(description=_IMAGE)], request: Annotated[Request, Depends(asked)]
    ) -> Prediction:
        """Read the handwriting in an image."""
        if (file.size or 0) > settings.max_upload_bytes:
            raise HTTPException(413, f"the upload is larger than {settings.max_upload_bytes:,} bytes")
        return await reader.read(await file.read(), request)

    @router.post("/predict/batch", responses=problems(404))
    async def predict_batch(
        files: Annotated[list[UploadFile], File(description=f"{_IMAGE}; or zip archives of them")],
        request: Annotated[Request, Depends(asked)],
    ) -> AsyncIterator[BatchLine]:
        """Read many images, sent as they are or in zip archives.

        The answer is a line of JSON for each, in order, as soon as it is read. A file that cannot be read has a line
        that says why; the others are read.
        """
        reader.current()
        # As many are under way as keep the network busy; what is sent beyond them waits on disk.
        waiting: deque[Task[BatchLine]] = deque()
        sent = each_file(files, settings)
        try:
            while (file := await to_thread.run_sync(next, sent, None)) is not None:
                waiting.append(create_task(_line(reader, request, *file)))
                while waiting and (waiting[0].done() or len(waiting) >= 2 * settings.batch_size):
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()

    return router


async def _line(reader: Reader, request: Request, name: str, content: bytes | Exception) -> BatchLine:
    """Read one of many files, or say why it cannot be read."""
    try:
        if isinstance(content, Exception):
            raise content
        return BatchLine(name=name, prediction=await reader.read_file(content, request))
    except Exception as error:
        return BatchLine(name=name, problem=problem_of(error))
