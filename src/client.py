"""A client of the service: `Client("http://localhost:8000").read(Path("word.png")).text`."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import ValidationError

from src.api.problems import Problem
from src.api.schemas import BatchLine, Correction, Prediction
from src.errors import ServiceError

_FILES_PER_REQUEST = 100


class Client:
    """Reads images with a service; use it in a `with` statement, or `close` it.

    Args:
        url: Where the service is.
        key: Its API key, if it wants one.
        timeout: Seconds that one answer, or one line of a long one, may take.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 60.0) -> None:
        headers = {"X-API-Key": key} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def read(
        self,
        image: Path | bytes,
        *,
        alternatives: int = 0,
        min_confidence: float | None = None,
        vocabulary: Sequence[str] | None = None,
        vocabulary_name: str | None = None,
        careful: bool = False,
    ) -> Prediction:
        """Read one image of a word or a line.

        Args:
            image: The file, or its bytes.
            alternatives: How many other texts to give at most.
            min_confidence: A reading below it is flagged; the service's own value by default.
            vocabulary: The only texts that are possible.
            vocabulary_name: The name of such a list that the service keeps.
            careful: Read wider copies as well: fewer errors, for three to four times the time.

        Raises:
            ServiceError: The service cannot be reached, or refuses; the message says why.
            ValueError: The vocabulary is empty.
        """
        content = image if isinstance(image, bytes) else image.read_bytes()
        form = _form(alternatives, min_confidence, vocabulary, vocabulary_name, careful)
        answer = self._send("POST", "/predict/", data=form, files={"file": ("image", content)})
        return Prediction.model_validate_json(answer.content)

    def read_many(
        self,
        images: Sequence[Path],
        *,
        alternatives: int = 0,
        min_confidence: float | None = None,
        vocabulary: Sequence[str] | None = None,
        vocabulary_name: str | None = None,
        careful: bool = False,
    ) -> Iterator[BatchLine]:
        """Read many images, a hundred in one request; see `read`.

        Yields:
            For each image in order: its name as it was given, and its reading or why there is none.

        Raises:
            ServiceError: The service cannot be reached, or refuses all.
        """
        form = _form(alternatives, min_confidence, vocabulary, vocabulary_name, careful)
        for first in range(0, len(images), _FILES_PER_REQUEST):
            with ExitStack() as opened:
                files = [
                    ("files", (str(path), opened.enter_context(path.open("rb"))))
                    for path in images[first : first + _FILES_PER_REQUEST]
                ]
                try:
                    answer = opened.enter_context(self._http.stream("POST", "/predict/batch", data=form, files=files))
                    if answer.is_error:
                        answer.read()
                        raise _refused(answer)
                    yield from (BatchLine.model_validate_json(line) for line in answer.iter_lines() if line)
                except httpx.HTTPError as error:
                    raise _unreachable(self._http, error) from error

    def correct(
        self,
        text: str,
        *,
        prediction_id: str | None = None,
        image: Path | None = None,
        author: str | None = None,
        writer: str | None = None,
    ) -> Correction:
        """Tell the service what an image says.

        Args:
            text: The right text.
            prediction_id: The reading's id, as long as the service remembers it.
            image: The image, if it does not.
            author: Who says so.
            writer: Whose hand it is.

        Raises:
            ServiceError: The service cannot be reached, or refuses; the message says why.
        """
        values = {"text": text, "prediction_id": prediction_id, "author": author, "writer": writer}
        form = {name: value for name, value in values.items() if value is not None}
        files = {"file": ("image", image.read_bytes())} if image else None
        answer = self._send("POST", "/corrections", data=form, files=files)
        return Correction.model_validate_json(answer.content)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise _unreachable(self._http, error) from error
        if answer.is_error:
            raise _refused(answer)
        return answer


def _form(
    alternatives: int,
    min_confidence: float | None,
    vocabulary: Sequence[str] | None,
    vocabulary_name: str | None,
    careful: bool,
) -> dict[str, str]:
    form = {"alternatives": str(alternatives)}
    if min_confidence is not None:
        form["min_confidence"] = str(min_confidence)
    if vocabulary is not None:
        if not vocabulary:
            raise ValueError("the vocabulary has no entry: nothing could be read")
        form["vocabulary"] = "\n".join(vocabulary)
    if vocabulary_name is not None:
        form["vocabulary_name"] = vocabulary_name
    if careful:
        form["careful"] = "true"
    return form


def _refused(answer: httpx.Response) -> ServiceError:
    try:
        detail = Problem.model_validate_json(answer.content).detail
    except ValidationError:  # from something between here and the service
        detail = answer.text[:200]
    return ServiceError(f"{answer.request.url}: {answer.status_code}: {detail}")


def _unreachable(http: httpx.Client, error: httpx.HTTPError) -> ServiceError:
    return ServiceError(f"{http.base_url}: the service does not answer: {error}")
