"""What the service keeps: corrections, readings that wait for review, lists of texts, API keys."""

from src.api.store.records import CorrectionFilter, NewCorrection, Removed, StoredKey, StoredVocabulary
from src.api.store.store import Store
from src.api.store.tables import CURSOR, StoredCorrection

__all__ = [
    "CURSOR",
    "CorrectionFilter",
    "NewCorrection",
    "Removed",
    "Store",
    "StoredCorrection",
    "StoredKey",
    "StoredVocabulary",
]
