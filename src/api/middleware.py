"""What every request passes: the upload limit, and the count of requests."""

from contextlib import suppress

from starlette.routing import Match, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api.problems import problem
from src.monitoring.metrics import Metrics

_FORM_OVERHEAD = 64 * 1024  # boundaries and headers of the multipart form around the file


class _BodyTooLargeError(Exception):
    """More bytes came than are allowed."""


class LimitBody:
    """Refuse bodies past a limit: by Content-Length at once, else as soon as the bytes that came are too many."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes + _FORM_OVERHEAD
        self._answer = problem(413, f"the upload is larger than {max_bytes:,} bytes")
        self._answer.headers["connection"] = "close"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its bytes counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max_bytes:
            await self._answer(scope, receive, send)
            return
        received = 0
        started = exceeded = False

        async def counted() -> Message:
            nonlocal received, exceeded
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                exceeded = True
                raise _BodyTooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            # The form's parser turns our signal into its own 400: that answer is replaced below.
            if not exceeded:
                started = True
                await send(message)

        with suppress(_BodyTooLargeError):
            await self._app(scope, counted, watched)
        if exceeded and not started:
            await self._answer(scope, receive, send)


# Anyone can make up a method, and each label value is a series that is kept for ever.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))


class CountRequests:
    """Count requests by the route's template; what has no route counts as "none", so that labels stay few."""

    def __init__(self, app: ASGIApp, metrics: Metrics, router: Router) -> None:
        self._app = app
        self._metrics = metrics
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(self._handler(scope), method, str(status)).inc()

    def _handler(self, scope: Scope) -> str:
        for route in self._router.routes:
            if route.matches(scope)[0] is not Match.NONE:
                return str(getattr(route, "path", "none"))
        return "none"
