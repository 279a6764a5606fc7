"""The HTTP service: `uvicorn src.api.api:app`."""

import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, File, Form, HTTPException, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from src.api.middleware import CountRequests, LimitBody
from src.api.problems import add_problem_handlers, problem
from src.api.schemas import Prediction
from src.api.settings import ServiceSettings
from src.errors import ModelFileError
from src.monitoring.metrics import Metrics
from src.recognition.images import decode_image
from src.recognition.recognizer import Recognizer
from src.stage import set_up_logging

logger = logging.getLogger(__name__)

_PAGE = Path(__file__).with_name("page.html")
_MAX_ALTERNATIVES = 20


class Reader:
    """The model in service, or why there is none."""

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self.recognizer: Recognizer | None = None
        self.reason = "the model is being loaded"

    def load(self) -> None:
        """Load the model; a model that cannot be loaded is logged, and the service says so in /ready."""
        try:
            recognizer = Recognizer.load(self._settings.model, self._settings.precision, self._settings.threads)
        except ModelFileError as error:
            logger.error("no model: %s", error)
            self.reason = "no model is loaded: its file is missing or damaged; the service's log says which"
            return
        self.recognizer = recognizer
        self._metrics.model.labels(recognizer.info.name, recognizer.info.version).set(1)
        logger.info("serving %s %s (%s)", recognizer.info.name, recognizer.info.version, recognizer.precision)

    def read(self, content: bytes, alternatives: int) -> Prediction:
        """Read one image file.

        Raises:
            HTTPException: No model is loaded (503).
            ImageError: The bytes are no image, or one that is refused.
        """
        if self.recognizer is None:
            raise HTTPException(503, self.reason)
        image = decode_image(content, self._settings.max_pixels)
        start = time.perf_counter()
        (reading,) = self.recognizer.read([image], alternatives=alternatives)
        seconds = time.perf_counter() - start
        self._metrics.inference_time.observe(seconds)
        info, name = self.recognizer.info, uuid.uuid4().hex
        # Neither image nor text: a log is read by more people than the documents are.
        logger.info("read %s: %d characters, %.1f ms, model %s", name, len(reading.text), 1000 * seconds, info.version)
        model = {"name": info.name, "version": info.version}
        return Prediction.model_validate({"id": name, "model": model} | asdict(reading))


def create_app(settings: ServiceSettings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: Its settings; from the environment by default.

    Returns:
        The app; it loads its model when it starts.
    """
    settings = settings or ServiceSettings()
    metrics = Metrics()
    reader = Reader(settings, metrics)
    limiter: list[CapacityLimiter] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        set_up_logging()
        limiter.append(CapacityLimiter(settings.concurrent_readings))  # needs the running event loop
        await to_thread.run_sync(reader.load)
        yield
        limiter.clear()

    app = FastAPI(title="Longhand", description="Reads handwriting.", lifespan=lifespan)
    app.add_middleware(LimitBody, max_bytes=settings.max_upload_bytes)
    app.add_middleware(CountRequests, metrics=metrics, router=app.router)
    add_problem_handlers(app)

    @app.post("/predict/", responses={code: {"description": "problem details"} for code in (413, 415, 422, 503)})
    async def predict(
        file: Annotated[UploadFile, File(description="PNG, JPEG, TIFF, WebP or BMP of a word or a line")],
        alternatives: Annotated[int, Form(ge=0, le=_MAX_ALTERNATIVES)] = 3,
    ) -> Prediction:
        """Read the handwriting in an image."""
        if (file.size or 0) > settings.max_upload_bytes:
            raise HTTPException(413, f"the upload is larger than {settings.max_upload_bytes:,} bytes")
        content = await file.read()
        return await to_thread.run_sync(reader.read, content, alternatives, limiter=limiter[0])

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Tell that the process is alive."""
        return {"status": "alive"}

    @app.get("/ready")
    async def ready() -> Response:
        """Tell whether images can be read now."""
        if reader.recognizer is None:
            return problem(503, reader.reason)
        info = reader.recognizer.info
        return JSONResponse({"status": "ready", "model": {"name": info.name, "version": info.version}})

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"))

    return app


app = create_app()
