"""Lists of texts that are kept on the server: place names, drug names."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import PlainTextResponse

from src.api.keys import Role, requires
from src.api.problems import problems
from src.api.schemas import Vocabularies, VocabularyName
from src.api.store import Store, StoredVocabulary
from src.api.vocabularies import entries_of

_MAX_ENTRIES = 1_000_000
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", examples=["towns"])]
_TEXT = {
    "requestBody": {
        "required": True,
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "Aachen\nBonn"}},
    }
}


def vocabularies_router(store: Store) -> APIRouter:
    """Make the routes of lists kept by name.

    Args:
        store: Holds them.
    """
    router = APIRouter(prefix="/vocabularies", tags=["vocabularies"])
    reader, admin = Depends(requires(Role.READER)), Depends(requires(Role.ADMIN))

    @router.get("", dependencies=[reader], responses=problems())
    async def vocabularies() -> Vocabularies:
        """Tell which lists there are."""
        found = await to_thread.run_sync(store.vocabularies)
        return Vocabularies(vocabularies=[_named(one) for one in found])

    @router.get("/{name}", dependencies=[reader], response_class=PlainTextResponse, responses=problems(404))
    async def vocabulary(name: Name) -> PlainTextResponse:
        """Give a list, a text a line."""
        found = await to_thread.run_sync(store.vocabulary, name)
        if found is None:
            raise HTTPException(404, f"no vocabulary {name!r} is kept here")
        return PlainTextResponse("\n".join(found.entries))

    @router.put("/{name}", dependencies=[admin], openapi_extra=_TEXT, responses=problems())
    async def put(name: Name, request: Request) -> VocabularyName:
        """Keep a list under a name, in place of the one before; the body is UTF-8 text, a text a line."""
        try:
            entries = entries_of((await request.body()).decode("utf-8"), _MAX_ENTRIES)
        except UnicodeDecodeError:
            raise HTTPException(422, "the list is not UTF-8 text") from None
        return _named(await to_thread.run_sync(store.put_vocabulary, name, entries))

    @router.delete("/{name}", dependencies=[admin], status_code=204, responses=problems(404))
    async def delete(name: Name) -> None:
        """Remove a list."""
        if not await to_thread.run_sync(store.delete_vocabulary, name):
            raise HTTPException(404, f"no vocabulary {name!r} is kept here")

    return router


def _named(stored: StoredVocabulary) -> VocabularyName:
    return VocabularyName(name=stored.name, entries=len(stored.entries), updated=stored.updated.isoformat())
