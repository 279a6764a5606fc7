"""The HTTP service: `uvicorn src.api.api:app`."""

import gc
import logging
from asyncio import create_task, sleep
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError

from src.api.follower import Follower
from src.api.keys import Keys
from src.api.logs import set_up_service_logging
from src.api.middleware import LimitBody, Observe
from src.api.problems import add_problem_handlers
from src.api.reader import Reader
from src.api.recent import Recent
from src.api.routes.corrections import corrections_router
from src.api.routes.operations import operations_router
from src.api.routes.page import page_router
from src.api.routes.predict import predict_router
from src.api.routes.review import review_router
from src.api.routes.status import status_router
from src.api.routes.vocabularies import vocabularies_router
from src.api.settings import ServiceSettings
from src.api.shadow import Shadow
from src.api.store import Store
from src.errors import StoreError
from src.monitoring.disk import Disk
from src.monitoring.metrics import Metrics
from src.monitoring.pipeline import PipelineRun
from src.paths import Paths

logger = logging.getLogger(__name__)

_HOUR = 3600.0
_DESCRIPTION = """
Reads handwriting: an image of a word or a line in, its text out, with confidences, alternatives and the place of each
character. What it misread can be corrected, and the corrections teach the next model.

Every error is a problem document (RFC 9457).
"""


def create_app(settings: ServiceSettings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: Its settings; from the environment by default.

    Returns:
        The app; it loads its model and opens its store when it starts.
    """
    settings = settings or ServiceSettings()
    metrics = Metrics()
    store = Store(settings.database_url)
    recent = Recent(settings.recent_megabytes * 2**20, settings.recent_minutes * 60)
    shadow = Shadow(settings, metrics)
    reader = Reader(settings, metrics, recent, store, shadow)
    follower = Follower(settings, metrics, reader, shadow)
    metrics.registry.register(Disk(store.database.folder))
    metrics.registry.register(PipelineRun(Paths().pipeline / "pipeline.prom"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        set_up_service_logging(settings.log_format)
        reader.start()
        shadow.start()
        await follower.start()
        # What the imports and the model made stays: a full garbage collection would look through it for a tenth of a
        # second or more, in which nobody is answered.
        gc.collect()
        gc.freeze()
        tasks = [create_task(_purge(store, settings.retention_days)), create_task(follower.run())]
        yield
        for task in tasks:
            task.cancel()
        await to_thread.run_sync(reader.close)
        await to_thread.run_sync(shadow.close)
        store.close()
        gc.unfreeze()

    # Its documentation at /docs comes from here and not from another host.
    app = FastAPIOffline(title="Longhand", description=_DESCRIPTION, version="1", redoc_url=None, lifespan=lifespan)
    app.state.keys = Keys(store.keys, settings.keys, settings.rate, metrics)
    app.add_middleware(
        LimitBody,
        max_bytes=settings.max_upload_bytes,
        larger={"/predict/batch": settings.max_batch_bytes},
        seconds=settings.upload_seconds,
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(Observe, metrics=metrics, uploads=("/predict/", "/predict/batch", "/corrections"))
    add_problem_handlers(app)
    app.include_router(predict_router(reader, settings, store))
    app.include_router(vocabularies_router(store))
    app.include_router(corrections_router(reader, settings, store, recent, metrics))
    app.include_router(review_router(store, settings.keep_predictions))
    app.include_router(operations_router(reader, follower, metrics))
    app.include_router(status_router(metrics, settings.drift_least))
    app.include_router(page_router())
    return app


async def _purge(store: Store, days: float) -> None:
    """Remove kept readings whose time is over, now and each hour."""
    while True:
        try:
            removed = await to_thread.run_sync(store.purge, days)
        except (StoreError, SQLAlchemyError) as error:
            logger.error("readings whose time is over may still be there: %s", error)
        else:
            logger.info("%d readings were older than %g days and are removed", removed, days)
        await sleep(_HOUR)


app = create_app()
