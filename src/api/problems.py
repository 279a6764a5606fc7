"""Errors as problem details (RFC 9457, application/problem+json)."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from src.errors import ImageError
from src.recognition.images import ImageTooLargeError, NoImageError

logger = logging.getLogger(__name__)


def problem(status: int, detail: str) -> JSONResponse:
    """The answer to a request that failed; `detail` is for the person who sent it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def add_problem_handlers(app: FastAPI) -> None:
    """Turn all of the app's errors into problem details; none shows a path or a traceback."""

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        response = problem(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ImageTooLargeError)
    async def _large(_: Request, error: ImageTooLargeError) -> JSONResponse:
        return problem(413, str(error))

    @app.exception_handler(ImageError)
    async def _image(_: Request, error: ImageError) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(NoImageError)
    async def _no_image(_: Request, error: NoImageError) -> JSONResponse:
        return problem(415, str(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = (f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        return problem(422, "; ".join(faults))

    @app.exception_handler(Exception)
    async def _fault(_: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected fault", exc_info=error)
        return problem(500, "the service failed on this request; its log says why")
