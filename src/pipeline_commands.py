"""`longhand pipeline`: the steps that run_mlops_pipeline.sh runs one after the other."""

from collections.abc import Callable
from typing import Annotated

import typer

from src.paths import Paths
from src.stage import run

pipeline = typer.Typer(help="The steps of the scheduled pipeline.", no_args_is_help=True)


@pipeline.command()
def ingestion() -> None:
    """Bring archives and corrections in, and make samples of them."""
    from src.pipeline import steps

    _run("ingestion", steps.ingestion)


@pipeline.command()
def training() -> None:
    """Train on what is new, from the champion's weights; evaluate, register, judge."""
    from src.pipeline import steps

    _run("training", steps.training)


@pipeline.command()
def prediction() -> None:
    """See that the service reads with the champion."""
    from src.pipeline import steps

    _run("prediction", steps.prediction)


@pipeline.command()
def monitoring(
    failed: Annotated[str | None, typer.Option(help="The step at which the run failed.")] = None,
) -> None:
    """Write the metrics of the run."""
    from src.pipeline.report import monitoring as write_metrics

    run(lambda: write_metrics(Paths(), failed))


def _run(name: str, step: Callable[[Paths], None]) -> None:
    from src.pipeline.steps import timed

    run(lambda: timed(Paths(), name, step))
