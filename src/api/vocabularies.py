"""Lists of texts that restrict a reading: sent with a request, or kept on the server by name."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from fastapi import HTTPException

from src.api.store import Store
from src.recognition.recognizer import Recognizer
from src.recognition.vocabulary import Vocabulary


class VocabularyCache:
    """Lists made ready for the model in service; the last ones are kept, since a trie of many entries takes a while.

    Args:
        size: How many.
    """

    def __init__(self, size: int = 8) -> None:
        self._size = size
        self._made: OrderedDict[str, Vocabulary] = OrderedDict()
        self._lock = Lock()

    def get(self, recognizer: Recognizer, name: str, entries: Callable[[], Sequence[str]]) -> Vocabulary:
        """Return a list ready to read from.

        Args:
            recognizer: The model that will read.
            name: Tells the list's contents apart from all others'.
            entries: Gives them, if they are not known.

        Raises:
            CharsetError: No entry can be written with the model's charset.
        """
        key = f"{recognizer.info.version} {name}"
        with self._lock:  # one thread makes a list, the others wait for it
            vocabulary = self._made.get(key) or recognizer.vocabulary(entries())
            self._made[key] = vocabulary
            self._made.move_to_end(key)
            while len(self._made) > self._size:
                self._made.popitem(last=False)
        return vocabulary


def entries_of(text: str, limit: int) -> list[str]:
    """The lines of a text that are not empty, each once.

    Raises:
        HTTPException: There are none, more than the limit, or the text holds NUL characters (422).
    """
    if "\0" in text:
        raise HTTPException(422, "vocabulary: it holds NUL characters; send UTF-8 text")
    entries = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not entries:
        raise HTTPException(422, "vocabulary: no entry; send one text a line")
    if len(entries) > limit:
        raise HTTPException(
            422, f"vocabulary: {len(entries):,} entries, more than {limit:,}; keep the list on the server"
        )
    return entries


class Restriction:
    """Makes what a request says of its vocabulary ready for a model.

    Args:
        cache: Lists made before.
        store: Lists kept by name.
        sent: The list that came with the request, a text a line.
        name: The name of one kept on the server.
        limit: Entries that may be sent.

    Raises:
        HTTPException: Both are given, or what is sent is empty or too long (422).
    """

    def __init__(self, cache: VocabularyCache, store: Store, sent: str | None, name: str | None, limit: int) -> None:
        if sent is not None and name is not None:
            raise HTTPException(422, "give vocabulary or vocabulary_name, not both")
        self._cache, self._store, self._name = cache, store, name
        self._sent = entries_of(sent, limit) if sent is not None else []

    def __call__(self, recognizer: Recognizer) -> Vocabulary:
        """Make it ready; may ask the store, and may take a while for a long list.

        Raises:
            HTTPException: No list of that name is kept (404).
            CharsetError: No entry can be written with the model's charset.
        """
        if self._name is None:
            digest = hashlib.sha256("\n".join(self._sent).encode()).hexdigest()
            return self._cache.get(recognizer, digest, lambda: self._sent)
        updated = self._store.vocabulary_updated(self._name)
        if updated is None:
            raise HTTPException(
                404, f"no vocabulary {self._name!r} is kept here; PUT /vocabularies/{self._name} makes it"
            )
        return self._cache.get(recognizer, f"{self._name} {updated.isoformat()}", self._kept)

    def _kept(self) -> Sequence[str]:
        stored = self._store.vocabulary(self._name or "")
        return stored.entries if stored else ()  # removed since: no entry, which is told
