"""Who may do what: API keys with roles, and their rate limits."""

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from src.api.store import StoredKey
from src.monitoring.metrics import Metrics


class Role(StrEnum):
    """What a key allows; each may do what those before it may."""

    READER = "reader"
    CORRECTOR = "corrector"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether a key of this role may do what asks for another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: The key's name; "local" where none is asked for.
        role: What it may do.
    """

    name: str
    role: Role


def digest_of(key: str) -> str:
    """What is stored of a key. A key has 256 random bits: one SHA-256 is as good as a slow hash, and takes no time."""
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """Finds out who sends a request.

    Args:
        stored: Gives the keys of the store.
        needed: See `ServiceSettings.keys`.
        rate: Requests that one key, or all callers without a key together, may send; None: any.
        metrics: Where refusals are counted.
    """

    _SECONDS = 5.0  # after which a new or revoked key is known

    def __init__(
        self,
        stored: Callable[[], Sequence[StoredKey]],
        needed: Literal["auto", "on", "off"],
        rate: RateLimitItem | None,
        metrics: Metrics,
    ) -> None:
        self._stored, self._needed, self._rate, self._metrics = stored, needed, rate, metrics
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._known: Sequence[StoredKey] = ()
        self._read = -float("inf")
        self._lock = Lock()

    def caller(self, key: str | None, request: Request) -> Caller:
        """Say who sends a request; asks the store now and then where there is a key.

        Raises:
            HTTPException: It needs a key and has none that is valid (401), or has sent too many requests (429).
        """
        if key is None and (self._needed == "off" or (self._needed == "auto" and _is_local(request))):
            caller = Caller("local", Role.ADMIN)
        else:
            caller = self._find(key)
        if self._rate and not self._limiter.hit(self._rate, caller.name):
            self._metrics.refused.labels("rate").inc()
            reset = self._limiter.get_window_stats(self._rate, caller.name).reset_time
            wait = max(1, round(reset - time.time()))
            raise HTTPException(429, f"more than {self._rate} for this key", {"Retry-After": str(wait)})
        return caller

    def _find(self, key: str | None) -> Caller:
        if key:
            digest = digest_of(key)
            # All are compared, each in constant time: the time tells nothing of a key.
            found = [known for known in self._current() if hmac.compare_digest(known.digest, digest)]
            if found:
                return Caller(found[0].name, Role(found[0].role))
        detail = "the key is not known, or was revoked" if key else "send a key as X-API-Key"
        raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    def _current(self) -> Sequence[StoredKey]:
        with self._lock:
            if time.monotonic() - self._read > self._SECONDS:
                self._known, self._read = self._stored(), time.monotonic()
            return self._known


def _is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy on it."""
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip", "via"}.intersection(request.headers.keys())
    if forwarded or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="From `longhand keys add`.")
_BEARER = HTTPBearer(auto_error=False, description="The same key as a bearer token.")


def requires(role: Role) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """Return a dependency that lets only callers of a role pass; it gives the caller.

    The app's state must hold `keys`, a `Keys`.
    """

    async def check(
        request: Request,
        header: Annotated[str | None, Depends(_HEADER)],
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> Caller:
        keys: Keys = request.app.state.keys
        key = header or (bearer.credentials if bearer else None)
        # Only a key needs the store, and with it a thread.
        caller = await to_thread.run_sync(keys.caller, key, request) if key else keys.caller(None, request)
        request.state.caller = caller.name
        if not caller.role.covers(role):
            raise HTTPException(403, f"this needs a key of the role {role}, and this one is of {caller.role}")
        return caller

    return check
