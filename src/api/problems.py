"""Errors as problem details (RFC 9457, application/problem+json)."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from src.errors import CharsetError, ImageError, StoreError
from src.recognition.images import ImageTooLargeError, NoImageError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# Why a request may fail with each status, for the interface's description.
_REASONS = {
    400: "the request cannot be understood, such as a form that is cut short",
    401: "the service wants a key: send it as X-API-Key",
    403: "this key may not do that",
    404: "there is no such thing",
    408: "the request did not come whole in time",
    409: "it contradicts what is stored",
    413: "the upload has more bytes, pixels or files than are allowed",
    415: "the file is no image of the known kinds",
    422: "a value is missing or out of range, or an image is empty or damaged",
    429: "this key has sent too many requests; Retry-After says when to come again",
    503: "no model or store is ready, or too many requests wait; Retry-After says when to come again",
}


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str) -> JSONResponse:
    """The answer to a request that failed; `detail` is for the person who sent it."""
    return JSONResponse(_problem(status, detail).model_dump(), status_code=status, media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    """Say what went wrong, to the person who sent the request; a fault of the service is logged, and not shown."""
    match error:
        case ImageTooLargeError():
            return _problem(413, str(error))
        case NoImageError():
            return _problem(415, str(error))
        case ImageError() | CharsetError():
            return _problem(422, str(error))
        case HTTPException():
            return _problem(error.status_code, str(error.detail))
        case StoreError() | SQLAlchemyError():
            logger.error("the store: %s", error)
            return _problem(503, "the store cannot be used; the service's log says why")
        case _:
            logger.error("unexpected fault", exc_info=error)
            return _problem(500, "the service failed on this request; its log says why")


def _problem(status: int, detail: str) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe a route's failures, beside those that every route has, for the OpenAPI document."""
    return {
        status: {
            "description": _REASONS[status],
            "content": {
                MEDIA_TYPE: {
                    "schema": Problem.model_json_schema(),
                    "example": _problem(status, _REASONS[status]).model_dump(),
                }
            },
        }
        for status in sorted({*statuses, 400, 401, 403, 408, 413, 422, 429, 503})
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Turn all of the app's errors into problem details; none shows a path or a traceback."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        told = problem_of(error)
        headers = dict(getattr(error, "headers", None) or {})
        if told.status == 503:
            headers.setdefault("Retry-After", "5")
        if told.status == 405 and "route" in request.scope:
            # The router names the methods of one route; others may share its path.
            methods = app.openapi()["paths"].get(request.scope["route"].path, {})
            headers["Allow"] = ", ".join(sorted(method.upper() for method in methods)) or headers.get("Allow", "")
        return JSONResponse(told.model_dump(), told.status, headers, MEDIA_TYPE)

    for kind in (HTTPException, ImageError, CharsetError, StoreError, SQLAlchemyError, Exception):
        app.add_exception_handler(kind, answer)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = (f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        return problem(422, "; ".join(faults))
