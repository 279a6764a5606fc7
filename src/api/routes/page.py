"""The web page at `/`: plain files, each read once, when it is first asked for."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

_FOLDER = Path(__file__).parents[1] / "page"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Only these are served, by their names as they stand here: no path of a request ever reaches the disk.
_FILES = (
    "index.html",
    "style.css",
    "status.css",
    "icon.svg",
    "main.js",
    "document.js",
    "service.js",
    "key.js",
    "sheet.js",
    "cut.js",
    "reading.js",
    "read.js",
    "commands.js",
    "outbox.js",
    "review.js",
)


@dataclass(frozen=True)
class _File:
    """A file of the page, ready to be sent.

    Attributes:
        content: Its bytes.
        packed: The same, compressed by gzip.
        kind: Its media type.
        tag: Its ETag; changes with the bytes.
    """

    content: bytes
    packed: bytes
    kind: str
    tag: str

    @classmethod
    @cache
    def load(cls, name: str) -> "_File":
        path = _FOLDER / name
        content = path.read_bytes()
        # Weak, since the same tag stands for both encodings.
        tag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        return cls(content, gzip.compress(content, mtime=0), _TYPES[path.suffix], tag)

    def answer(self, request: Request) -> Response:
        """The file, or 304 to a browser that has it; browsers ask each time, so that an update shows at once."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = (tag.strip() for tag in request.headers.get("if-none-match", "").split(","))
        if self.tag in known:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=self.kind)
        return Response(self.content, headers=headers, media_type=self.kind)


def page_router() -> APIRouter:
    """Make the routes of the web page, which need no key: the page asks for one where the service does."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(request: Request) -> Response:
        return _File.load("index.html").answer(request)

    @router.get("/page/{name}")
    async def file(name: str, request: Request) -> Response:
        if name not in _FILES:
            raise HTTPException(404, "the page has no such file")
        return _File.load(name).answer(request)

    return router
