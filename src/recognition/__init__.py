"""Image -> text: the ground floor, which imports no torch, pandas or mlflow."""

from src.recognition.charset import BLANK, Charset
from src.recognition.model_file import ModelInfo, read_info, version_name
from src.recognition.normalize import NormalizationSettings, normalize
from src.recognition.reading import Alternative, Character, Reading, Word
from src.recognition.recognizer import Precision, Recognizer

__all__ = [
    "BLANK",
    "Alternative",
    "Character",
    "Charset",
    "ModelInfo",
    "NormalizationSettings",
    "Precision",
    "Reading",
    "Recognizer",
    "Word",
    "normalize",
    "read_info",
    "version_name",
]
