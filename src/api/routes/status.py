"""The status page: the figures of /metrics for those who run no Grafana."""

from functools import cache
from html import escape
from pathlib import Path
from string import Template

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from src.monitoring.figures import Figures
from src.monitoring.metrics import Metrics
from src.monitoring.status import Row, Section, now, sections, troubles

_PAGE = Path(__file__).parents[1] / "status.html"


def status_router(metrics: Metrics, least: int) -> APIRouter:
    """Make the route of the status page, which needs no key: it says what /metrics says.

    Args:
        metrics: What is counted.
        least: Images below which drift is not judged.
    """
    router = APIRouter(include_in_schema=False)

    def page() -> str:
        shown = sections(Figures(metrics.registry.collect()), least)
        return _template().substitute(
            summary=_summary(troubles(shown)), moment=now(), sections="\n".join(map(_section, shown))
        )

    @router.get("/status")
    async def status() -> HTMLResponse:
        return HTMLResponse(await to_thread.run_sync(page))  # it reads files and asks the disk

    return router


@cache
def _template() -> Template:
    return Template(_PAGE.read_text(encoding="utf-8"))


def _summary(found: list[str]) -> str:
    if not found:
        return '<div class="summary good"><p>Nothing needs you.</p></div>'
    items = "".join(f"<li>{escape(one)}</li>" for one in found)
    return f'<div class="summary bad"><p>Needs a look:</p><ul>{items}</ul></div>'


def _section(section: Section) -> str:
    rows = "".join(
        f'<div><dt>{escape(row.name)}</dt><dd class="{row.state}">{escape(row.value)}</dd></div>'
        for row in section.rows
    )
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    return f"<section><h2>{escape(section.title)}</h2><dl>{rows}</dl>{note}</section>"


def _class(row: Row) -> str:
    return f' class="{row.state}"' if row.state else ""
