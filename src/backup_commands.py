"""`longhand backup` and `longhand restore`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def backup(
    target: Annotated[Path, typer.Argument(help="The .tar.gz to write.", show_default=False)],
) -> None:
    """Keep all state of the project in one archive, while the service runs."""

    def work() -> None:
        from src.backup import backup as write_backup

        store = _store()
        if store is None:
            logger.warning("the store is a PostgreSQL database: keep it by pg_dump; the archive is without it")
        contents = write_backup(Paths(), store, target)
        typer.echo(f"{target}: {len(contents.files)} files")

    run(work)


def restore(
    source: Annotated[Path, typer.Argument(help="What `longhand backup` wrote.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace the state that is here.")] = False,
) -> None:
    """Bring this folder to what a backup holds; end the service before."""

    def work() -> None:
        from src.backup import STORE
        from src.backup import restore as read_backup

        contents = read_backup(Paths(), _store() or Paths().root / STORE, source, force)
        typer.echo(f"{len(contents.files)} files of {contents.created:%Y-%m-%d %H:%M} UTC are in place")

    run(work)


def _store() -> Path | None:
    """SQLite's file of the service's store; None: it is another database."""
    from sqlalchemy import make_url

    from src.api.settings import ServiceSettings

    url = make_url(ServiceSettings().database_url)
    return Path(url.database).resolve() if url.get_backend_name() == "sqlite" and url.database else None
