"""The store: one object for routes and commands, made of a part for each subject."""

from src.api.store.access import Access
from src.api.store.corrections import Corrections
from src.api.store.database import Database
from src.api.store.predictions import Predictions


class Store(Access, Corrections, Predictions):
    """All that the service keeps, in one database; it is opened when it is first needed.

    Methods wait for the database: call them from a worker thread, not from the event loop. Those that change something
    return when the change is durable. All may raise StoreError when the database cannot be opened.

    Args:
        url: SQLAlchemy's, such as sqlite:///data/service/longhand.db or postgresql+psycopg://user@host/longhand.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def close(self) -> None:
        """End the connections."""
        self.database.close()
