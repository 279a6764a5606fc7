"""MLflow, which keeps the registry: runs, versions of models, aliases of the one in service and of its rival."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from src.errors import RegistryError
from src.paths import Paths

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RECOGNIZER = "recognizer"
CHAMPION, CHALLENGER = "champion", "challenger"

# A server that is away is told of within seconds: MLflow by itself tries for minutes.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def client(paths: Paths) -> "MlflowClient":
    """Open the store: the one that MLFLOW_TRACKING_URI names, else `mlflow.db` in the project's folder."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Imported here: MLflow takes seconds, and a part of this module's users does not need it.
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri(paths))


def tracking_uri(paths: Paths) -> str:
    """Where runs and versions are kept."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.root / 'mlflow.db'}"


@contextmanager
def answering(paths: Paths) -> Iterator[None]:
    """Turn what MLflow raises when its store is away or refuses into an error that a person can mend.

    Raises:
        RegistryError: The store is away, or refuses.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise RegistryError(
            f"{tracking_uri(paths)}: the registry does not answer as it should: {error.message}; "
            "is MLFLOW_TRACKING_URI right, and the server up?"
        ) from error
