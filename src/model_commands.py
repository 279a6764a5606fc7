"""`longhand models`: which versions there are, which is in service, and why."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from src.paths import Paths
from src.stage import run

if TYPE_CHECKING:
    from src.registry.judge import Verdict

models = typer.Typer(
    help="Versions of the recognizer: the one in service, its rivals, its history.", no_args_is_help=True
)


@models.command(name="list")
def list_() -> None:
    """Show all versions, the newest first: aliases, data, code, errors on the test writers."""

    def work() -> None:
        from src.registry.client import CHALLENGER, CHAMPION, answering, client
        from src.registry.versions import alias, versions

        paths = Paths()
        with answering(paths):
            store = client(paths)
            named = {one.number: name for name in (CHALLENGER, CHAMPION) if (one := alias(store, name)) is not None}
            found = versions(store)
        for one in found:
            cer = one.tags.get("test.recognizer_cer")
            known = (
                f"data {one.tags.get('data_version', '-')}",
                f"code {one.tags.get('git_commit', '-')[:7]}",
                f"CER {float(cer):.1%}" if cer else "CER -",
            )
            typer.echo("\t".join((one.number, one.version, named.get(one.number, "-"), *known)))
        if not found:
            typer.echo("none yet; `longhand models judge` registers the released one", err=True)

    _run(work)


@models.command()
def judge(
    new_test_set: Annotated[
        bool, typer.Option("--new-test-set", help="Test samples may be gone or altered since the last promotion.")
    ] = False,
) -> None:
    """Put the challenger before the gate, and promote it if it passes."""

    def work() -> None:
        from src.params import load_params
        from src.registry.judge import judge as judge_challenger

        paths = Paths()
        verdict = judge_challenger(paths, load_params(paths.params), new_test_set=new_test_set)
        _say(verdict, paths)

    _run(work)


@models.command()
def compare() -> None:
    """Put the challenger before the gate, and promote nothing."""

    def work() -> None:
        from src.params import load_params
        from src.registry.judge import judge as judge_challenger

        paths = Paths()
        _say(judge_challenger(paths, load_params(paths.params), promoting=False), paths)

    _run(work)


@models.command()
def promote(
    version: Annotated[str, typer.Argument(help="The model's version, or its number in the list.")],
    reason: Annotated[str, typer.Option(help="Why; the history keeps it.")] = "promoted by hand",
) -> None:
    """Put a version into service without asking the gate."""

    def work() -> None:
        from src.registry.promotion import promote as promote_version

        typer.echo(f"in service: {promote_version(Paths(), version, reason).version}")

    _run(work)


@models.command()
def rollback(reason: Annotated[str, typer.Option(help="Why; the history keeps it.")] = "rolled back by hand") -> None:
    """Put the version back into service that was there before."""

    def work() -> None:
        from src.registry.promotion import rollback as roll_back

        typer.echo(f"in service: {roll_back(Paths(), reason).version}")

    _run(work)


@models.command()
def history() -> None:
    """Show what was promoted or rolled back, when, by whom and why."""

    def work() -> None:
        from src.registry.promotion import history as all_events

        for event in all_events(Paths()):
            typer.echo(f"{event.time:%Y-%m-%d %H:%M:%S}\t{event.kind}\t{event.version}\t{event.who}\t{event.reason}")

    _run(work)


@models.command()
def register(
    model: Annotated[Path, typer.Argument(help="A recognizer's ONNX file, as `longhand teach` writes it.")],
) -> None:
    """Make a model file a version, and the challenger."""

    def work() -> None:
        from src.registry.log_runs import register_challenger

        typer.echo(f"challenger: version {register_challenger(Paths(), model)}")

    _run(work)


@models.command()
def publish() -> None:
    """Bring the files that services follow (models/registry) to what MLflow says."""

    def work() -> None:
        from src.registry.client import answering, client
        from src.registry.promotion import publish as publish_aliases

        paths = Paths()
        with answering(paths):
            publish_aliases(paths, client(paths))

    _run(work)


def _say(verdict: "Verdict | None", paths: Paths) -> None:
    if verdict is None:
        typer.echo("nothing to judge; `longhand models list` shows what there is")
        return
    for check in verdict.checks:
        typer.echo(f"{'ok ' if check.passed else 'NO '} {check.name}: {check.text}")
    typer.echo(f"{verdict.challenger}: {verdict.reason}")
    typer.echo(f"report: {paths.gate / 'verdict.html'}")


def _run(work: Callable[[], None]) -> None:
    # MLflow tells each step of its database's set-up.
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    run(work)
