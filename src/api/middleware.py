"""What every request passes: limits of its body, security headers, its line in the log, its count."""

import asyncio
import logging
import time
import uuid
from collections.abc import Collection
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api.problems import problem
from src.monitoring.metrics import Metrics

logger = logging.getLogger(__name__)

_FORM_OVERHEAD = 64 * 1024  # boundaries and headers of the multipart form around the file

_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The interface's description sets itself up by a script in its page.
_DOCUMENTATION = _STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class _RefusedError(Exception):
    """The body is not read on."""


class LimitBody:
    """Refuse bodies past a limit: by Content-Length at once, else as soon as too many bytes came, or too slowly.

    Args:
        app: What comes next.
        max_bytes: Bytes of the files of a request.
        larger: Other limits for some paths.
        seconds: From the request's head to its last byte.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, larger: dict[str, int], seconds: float) -> None:
        self._app, self._max_bytes, self._larger, self._seconds = app, max_bytes, larger, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its bytes counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._max_bytes)
        too_large = _closing(413, f"the upload is larger than {limit:,} bytes")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit + _FORM_OVERHEAD:
            await too_large(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        received = 0
        complete = started = False
        refusal: Response | None = None

        async def counted() -> Message:
            nonlocal received, refusal, complete
            if complete:  # what follows is the sign that the client has gone
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                refusal = _closing(408, f"the request did not come whole within {self._seconds:g} seconds")
                raise _RefusedError from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > limit + _FORM_OVERHEAD:
                refusal = too_large
                raise _RefusedError
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            # The form's parser turns our signal into its own 400: that answer is replaced below.
            if refusal is None:
                started = True
                await send(message)

        with suppress(_RefusedError):
            await self._app(scope, counted, watched)
        if refusal is not None and not started:
            await refusal(scope, receive, send)


def _closing(status: int, detail: str) -> Response:
    """An answer after which the connection ends, since the rest of the body is not wanted."""
    answer = problem(status, detail)
    answer.headers["connection"] = "close"
    return answer


# Anyone can make up a method, and each label value is a series that is kept for ever.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))


class Observe:
    """Give every request an id, a line in the log, a count and every answer the security headers.

    A request is known by its route's template ("none" without a route), so that labels stay few and no id of a person's
    document stands in the log.

    Args:
        app: What comes next.
        metrics: Where requests are counted.
        uploads: Paths whose requests may be refused before they reach their route, and count for it all the same.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, uploads: Collection[str]) -> None:
        self._app, self._metrics, self._uploads = app, metrics, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, name = time.perf_counter(), 500, uuid.uuid4().hex
        state = scope.setdefault("state", {})

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for header, value in _HEADERS.items():
                    headers[header] = value
                documented = scope["path"].startswith("/docs")
                headers["Content-Security-Policy"] = _DOCUMENTATION if documented else _STRICT
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds, handler = time.perf_counter() - start, self._handler(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(handler, method, str(status)).inc()
            self._metrics.request_time.labels(handler).observe(seconds)
            logger.info(
                "%s %s %d %.1f ms", method, handler, status, 1000 * seconds,
                extra={
                    "request": name, "method": method, "route": handler, "status": status,
                    "milliseconds": round(1000 * seconds, 1), "caller": state.get("caller"),
                },
            )  # fmt: skip

    def _handler(self, scope: Scope) -> str:
        if "route" in scope:
            return str(scope["route"].path)
        return scope["path"] if scope["path"] in self._uploads else "none"
