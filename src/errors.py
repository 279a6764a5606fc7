"""The errors that a person can mend: raised with the file, the row and the remedy in their text."""


class LonghandError(Exception):
    """Base of all errors with a remedy; the command line prints its text without a traceback."""


class ArchiveError(LonghandError):
    """An archive is corrupt, unsafe or too large."""


class GroundTruthError(LonghandError):
    """Ground truth cannot be read, or holds nothing that can be used."""


class ParamsError(LonghandError):
    """params.yaml holds an unknown key or a value out of range."""


class MissingArtefactError(LonghandError):
    """A stage was started before the stage that writes its input."""


class ImageError(LonghandError):
    """Bytes that are no image, or an image that is empty, truncated or too large."""


class ModelFileError(LonghandError):
    """A model file cannot be read, or lacks its description."""


class CharsetError(LonghandError):
    """A charset is malformed, or a text holds a character that it lacks."""


class ServiceError(LonghandError):
    """The service cannot be reached, or refuses a request."""


class StoreError(LonghandError):
    """The store of the service cannot be opened."""


class BackupError(LonghandError):
    """State cannot be kept, or a backup cannot be brought back."""


class RegistryError(LonghandError):
    """The registry cannot be reached, or holds nothing by that name."""


class PipelineError(LonghandError):
    """A step of the scheduled pipeline failed."""
