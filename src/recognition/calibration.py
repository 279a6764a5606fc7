"""From what the network says of itself to how often it is right: confidences that a person may rely on.

A network's own probability says too much in some hands and too little in others. Over the validation writers' readings,
how often a text, a word or a character was right is fitted with a logistic curve of what is known when it is read
(Platt, "Probabilistic Outputs for Support Vector Machines", 1999; here of three features), and kept in the model file.
"""

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

# Of a probability: what is nearer to 0 or 1 says no more.
_NEAREST = 1e-6


class Curve(BaseModel):
    """Probability = 1 / (1 + exp(-(intercept + weights * features))), see `features`.

    Attributes:
        product: Weight of the log odds of the characters' confidences multiplied.
        least: Weight of the log odds of the least of them.
        length: Weight of the logarithm of their number.
        intercept: Added to all.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    product: float = 1.0
    least: float = 0.0
    length: float = 0.0
    intercept: float = 0.0

    def probability(self, confidences: Sequence[float]) -> float:
        """How probably what was read is right.

        Args:
            confidences: The network's, 0..1, of each of its characters; at least one.

        Returns:
            0..1.
        """
        values = zip((self.product, self.least, self.length), features(confidences), strict=True)
        return 1.0 / (1.0 + math.exp(-self.intercept - sum(weight * value for weight, value in values)))


class Calibration(BaseModel):
    """The curves of a model.

    Attributes:
        character: Of single characters.
        word: Of words, of lines and of single ones.
        text: Of whole texts.
        accept: Share of wrong words among those accepted unread -> the least confidence of a word to accept, as the
            validation writers' words say; a share that no threshold reaches is left out.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    character: Curve = Curve()
    word: Curve = Curve()
    text: Curve = Curve()
    accept: dict[float, float] = {}


def features(confidences: Sequence[float]) -> tuple[float, float, float]:
    """What a curve is of: log odds of the product, log odds of the least, logarithm of the number.

    Args:
        confidences: The network's, 0..1, of each character; at least one.
    """
    return _log_odds(math.prod(confidences)), _log_odds(min(confidences)), math.log(len(confidences))


def _log_odds(probability: float) -> float:
    probability = min(1.0 - _NEAREST, max(_NEAREST, probability))
    return math.log(probability / (1.0 - probability))
