"""The page of the worst errors: one HTML file with the images inside, to be opened, sent or kept."""

import base64
import html

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from src.data.samples import PackedSamples

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Worst errors</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1b2430; background: #f6f7f9; }}
article {{ background: #fff; border: 1px solid #d9dee5; border-radius: 6px; padding: 1rem; margin: 1rem 0; }}
img {{ max-width: 100%; height: auto; min-height: 2rem; display: block; margin-bottom: .6rem; }}
dl {{ display: grid; grid-template-columns: 5rem 1fr; gap: .2rem .6rem; margin: 0; }}
dt {{ color: #5d6b7c; }}
dd {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.text {{ font: 1.15rem/1.5 Georgia, serif; }}
del {{ background: #ffd9d2; text-decoration: none; }}
ins {{ background: #cfe3ff; text-decoration: none; }}
</style>
</head>
<body>
<h1>Worst errors</h1>
<p>{summary} Sorted by the share of characters that are wrong; of equal shares the reading that the model was surer
of comes first. <del>Marked in the text</del>: missed or misread;
<ins>marked in the reading</ins>: wrong or too much.</p>
{articles}
</body>
</html>
"""
_ARTICLE = """<article>
<img alt="{alt}" src="data:image/png;base64,{image}">
<dl>
<dt>text</dt><dd class="text">{text}</dd>
<dt>reading</dt><dd class="text">{reading}</dd>
<dt>errors</dt><dd>{edits} of {characters} characters, confidence {confidence:.0%}</dd>
<dt>sample</dt><dd>{sample_id}, writer {writer}</dd>
</dl>
</article>"""


def worst(readings: pd.DataFrame, count: int) -> pd.DataFrame:
    """The readings with the largest share of wrong characters; surer readings first among equals.

    Args:
        readings: Columns edits, characters, confidence, sample_id.
        count: How many at most.

    Returns:
        Those rows, the worst first; readings without an error are never among them.
    """
    wrong = readings[readings["edits"] > 0]
    order = wrong.assign(share=wrong["edits"] / wrong["characters"].clip(lower=1)).sort_values(
        ["share", "confidence", "sample_id"], ascending=[False, False, True], kind="stable"
    )
    return order.head(count).drop(columns="share")


def worst_errors_page(readings: pd.DataFrame, samples: PackedSamples, count: int) -> str:
    """The page.

    Args:
        readings: Columns sample_id, writer, text, reading, confidence, edits, characters.
        samples: The images, as the model saw them.
        count: Errors on the page at most.

    Returns:
        HTML without any link to another file.
    """
    rows = worst(readings, count)
    articles = []
    for row in rows.to_dict("records"):
        text, reading = _marked(row["text"], row["reading"])
        image = samples[samples.row_of(row["sample_id"])]
        articles.append(
            _ARTICLE.format(
                alt=html.escape(row["text"], quote=True),
                image=_png(image),
                text=text,
                reading=reading or "<i>nothing</i>",
                edits=row["edits"],
                characters=row["characters"],
                confidence=row["confidence"],
                sample_id=html.escape(row["sample_id"]),
                writer=html.escape(row["writer"]),
            )
        )
    wrong = int((readings["edits"] > 0).sum())
    summary = f"{wrong} of {len(readings)} samples were read with an error; {len(rows)} of them are shown."
    return _PAGE.format(summary=summary, articles="\n".join(articles))


def _marked(text: str, reading: str) -> tuple[str, str]:
    """Text and reading as HTML, with their differences marked."""
    left, right = [], []
    for operation in Levenshtein.opcodes(text, reading):
        source = html.escape(text[operation.src_start : operation.src_end])
        target = html.escape(reading[operation.dest_start : operation.dest_end])
        same = operation.tag == "equal"
        left.append(source if same or not source else f"<del>{source}</del>")
        right.append(target if same or not target else f"<ins>{target}</ins>")
    return "".join(left), "".join(right)


def _png(ink: NDArray[np.uint8]) -> str:
    """uint8 [H, W] ink -> dark writing on white, PNG, base64."""
    _, data = cv2.imencode(".png", 255 - ink)
    return base64.b64encode(data.tobytes()).decode("ascii")
