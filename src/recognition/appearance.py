"""What an image looks like, in a few figures: so that what a model is shown can be compared with what it has learnt."""

import numpy as np

from src.recognition.normalize import GreyImage

FEATURES = ("ink", "paper", "contrast", "height", "aspect")

# Every so many rows and columns are looked at: more pixels than these say no more, and cost more.
_ROWS, _COLUMNS = 32, 128


def look(grey: GreyImage) -> tuple[float, ...]:
    """Describe an image as it came, before anything evens it out.

    Args:
        grey: uint8 [H, W], 255 is white.

    Returns:
        In the order of FEATURES: the share of pixels that are nearer to the writing's grey than to the paper's; the
        paper's grey, 0..255 (the median); how far the writing's grey is from it; height in pixels; width / height.
    """
    height, width = grey.shape
    thinned = grey[:: max(1, height // _ROWS), :: max(1, width // _COLUMNS)]
    totals = np.bincount(thinned.reshape(-1), minlength=256).cumsum()
    count = int(totals[-1])
    dark, paper, light = (int(level) for level in totals.searchsorted((0.01 * count, 0.5 * count, 0.99 * count)))
    light = min(light, 255)
    if paper - dark >= light - paper:
        ink = int(totals[(paper + dark) // 2]) if paper > dark else 0
    else:  # light writing on dark paper
        ink = count - int(totals[(paper + light) // 2])
    return ink / count, float(paper), float(max(paper - dark, light - paper)), float(height), width / height
