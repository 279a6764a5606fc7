"""The commands of `longhand` that have to do with the service: keys, and what its people corrected."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from src.errors import LonghandError
from src.files import write_whole

if TYPE_CHECKING:
    from src.api.schemas import Prediction
    from src.api.store import Store

keys = typer.Typer(help="API keys of the service.", no_args_is_help=True)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whom or what the key is for.")],
    role: Annotated[str, typer.Option(help="reader, corrector or admin.")] = "reader",
) -> None:
    """Make a key and print it, once: only its hash is stored."""
    from src.api.keys import Role, digest_of

    if role not in list(Role):
        raise typer.BadParameter(f"no role {role!r}; choose from {', '.join(Role)}", param_hint="--role")
    if not 0 < len(name) <= 64:
        raise typer.BadParameter("a name has 1 to 64 characters", param_hint="NAME")
    key = f"lh_{secrets.token_urlsafe(32)}"
    with _store() as store:
        store.add_key(name, role, digest_of(key))
    typer.echo(key)


@keys.command(name="list")
def list_() -> None:
    """Show the keys that are valid: name, role, when it was made."""
    with _store() as store:
        for key in store.keys():  # noqa: SIM118 (no dictionary)
            typer.echo(f"{key.name}\t{key.role}\t{key.created:%Y-%m-%d %H:%M} UTC")


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Make a key invalid; the service knows within seconds."""
    with _store() as store:
        if not store.revoke_key(name):
            raise LonghandError(f"no valid key {name!r}; `longhand keys list` shows them")


def has_corrections() -> bool | None:
    """Whether the service's store holds corrections; None: there is no store.

    Raises:
        StoreError: There is one, and it cannot be opened.
    """
    from sqlalchemy import make_url

    from src.api.settings import ServiceSettings
    from src.api.store import Store

    url = make_url(ServiceSettings().database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None
    store = Store(ServiceSettings().database_url)
    try:
        return next(store.truths(), None) is not None
    finally:
        store.close()


def write_corrections(target: Path) -> Path:
    """Write the corrections of the service's store as an archive that `longhand import` takes.

    Args:
        target: The .tar.gz file; whole or not at all.

    Returns:
        The file.
    """
    from src.api.export import corrections_archive

    with _store() as store, write_whole(target) as temporary, temporary.open("wb") as file:
        file.writelines(corrections_archive(store))
    return target


def read_with_service(
    server: str, images: list[Path], alternatives: int, vocabulary: list[str] | None, careful: bool = False
) -> "Iterator[tuple[Path, Prediction | str]]":
    """Read images with a service; its key, if it wants one, is in LONGHAND_KEY.

    Yields:
        Each image, and its reading or why there is none.

    Raises:
        ServiceError: The service cannot be reached, or refuses.
    """
    from src.client import Client

    there = [image for image in images if image.is_file()]
    with Client(server, key=os.environ.get("LONGHAND_KEY")) as client:
        lines = client.read_many(there, alternatives=alternatives, vocabulary=vocabulary, careful=careful)
        for image in images:
            if not image.is_file():
                yield image, "not found"
                continue
            line = next(lines)
            yield image, line.prediction or (line.problem.detail if line.problem else "no answer")


@contextmanager
def _store() -> "Iterator[Store]":
    """The store that the service's settings name; what goes wrong is told as one line."""
    from src.api.settings import ServiceSettings
    from src.api.store import Store

    store = Store(ServiceSettings().database_url)
    try:
        yield store
    except LonghandError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        store.close()
