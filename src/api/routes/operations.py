"""For operators: is it alive, is it ready, which model, the metrics; another model without a request dropped."""

import logging

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from src.api.follower import Follower
from src.api.keys import Role, requires
from src.api.problems import problems
from src.api.reader import Reader
from src.api.schemas import Health, Model, ModelName, Models, Ready
from src.errors import ModelFileError
from src.monitoring.metrics import Metrics
from src.recognition.recognizer import Recognizer

logger = logging.getLogger(__name__)


def operations_router(reader: Reader, follower: Follower, metrics: Metrics) -> APIRouter:
    """Make the routes for operators.

    Args:
        reader: Holds the model.
        follower: Brings it.
        metrics: What is counted.
    """
    router = APIRouter(tags=["operations"])

    @router.get("/health")
    async def health() -> Health:
        """Tell that the process is alive."""
        return Health()

    @router.get("/ready", responses={503: problems()[503]})
    async def ready() -> Ready:
        """Tell whether images can be read now."""
        info = reader.current().info
        return Ready(model=ModelName(name=info.name, version=info.version), registry=follower.state)

    @router.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/models", dependencies=[Depends(requires(Role.READER))], responses=problems())
    async def models() -> Models:
        """Tell which model is in service, what it can read and how well."""
        loaded = reader.recognizer
        return Models(models=[] if loaded is None else [_model(loaded)])

    @router.post("/models/reload", dependencies=[Depends(requires(Role.ADMIN))], responses=problems())
    async def reload() -> Model:
        """Look for a new model now, or load the file again; what is being read goes on with the model before."""
        try:
            await to_thread.run_sync(follower.load)
        except ModelFileError as error:
            logger.error("no new model: %s", error)
            raise HTTPException(503, "the model's file is missing or damaged; the service's log says which") from None
        return _model(reader.current())

    return router


def _model(recognizer: Recognizer) -> Model:
    info = recognizer.info
    return Model(
        name=info.name,
        version=info.version,
        created=info.created.isoformat(),
        precision=recognizer.precision,
        charset="".join(info.charset),
        calibrated=info.calibration is not None,
        metrics=info.metrics,
    )
