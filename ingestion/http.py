"""The one way to a provider: bounded in time, size and tries, and silent about secrets.

Every call here only reads, so each may be sent again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError
from urllib3.util.retry import Retry

from ingestion.addresses import checked, is_loopback
from ingestion.bronze import dumps
from ingestion.cells import parse_json
from ingestion.deadline import DeadlineAdapter
from ingestion.masking import hush, masked
from lakehouse.errors import UpstreamError
from lakehouse.log import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingestion.clock import Clock

_AGAIN = (429, 500, 502, 503, 504)
_CHUNK = 64 * 1024
_SAMPLE = 120
_REDIRECT, _CLIENT_ERROR = 300, 400


def strict_json(body: bytes) -> Any:
    """Strict JSON that can be written again: UTF-8, no NaN, no half of a surrogate pair."""
    payload = parse_json(body.decode("utf-8"))
    if b"\\ud" in body or b"\\uD" in body:
        dumps(payload).encode()
    return payload


@dataclass(frozen=True)
class Limits:
    """The most that a call may take.

    `read_sec` is for one reply as a whole, `total_sec` for a call with all its tries. A provider
    that asks to wait longer than `wait_sec` is not asked again.
    """

    connect_sec: float = 5
    read_sec: float = 30
    total_sec: float = 120
    wait_sec: float = 60
    backoff_sec: float = 0.5
    tries: int = 5
    body_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """A provider's answer; `payload` of a refusal (4xx) is None where it is no JSON."""

    status: int
    payload: Any
    sample: str = ""


@dataclass(frozen=True)
class _Failure:
    """A try without an answer; `wait_sec` is what the provider asked for."""

    why: str
    wait_sec: float | None = None
    again: bool = True


class _Deadline:
    """The time that is left, by the computer's clock or the given one, whichever is further."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds, self._clock = seconds, clock
        self._real, self._start = time.monotonic(), clock.now()

    def left(self) -> float:
        passed = (self._clock.now() - self._start).total_seconds()
        return self._seconds - max(passed, time.monotonic() - self._real)


class Client:
    """Calls to one provider."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        secrets: tuple[str, ...] = (),
        limits: Limits = Limits(),
        parse: Callable[[bytes], Any] = strict_json,
    ) -> None:
        """Raise ConfigurationError for a base URL that secrets must not be sent to.

        `parse` reads a body, and raises ValueError for what is no answer.
        """
        self._base = checked(base_url)
        self._clock, self._limits, self._parse = clock, limits, parse
        self._secrets = set(secrets)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter())
        # A proxy or a .netrc of the environment has no business with this machine's own ports.
        self._session.trust_env = not is_loopback(self._base)
        self._policy = Retry(total=limits.tries - 1, backoff_factor=limits.backoff_sec)
        hush(secrets)

    def hide(self, secret: str) -> None:
        """Mask this value in everything that is said from now on."""
        self._secrets.add(secret)
        hush((secret,))

    def masked(self, text: str) -> str:
        """`text` without secrets."""
        return masked(text, self._secrets)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """Call until there is an answer. Raises UpstreamError when tries or time run out."""
        request = {
            "method": method,
            "url": self._base + path,
            "params": params,
            "headers": {name: value.encode() for name, value in (headers or {}).items()},
            "json": body,
        }
        deadline, retry, tries = _Deadline(self._limits.total_sec, self._clock), self._policy, 0
        shown = f"{method} {self.masked(self._base + path)}"
        while True:
            outcome, tries = self._try(request, deadline), tries + 1
            if isinstance(outcome, Reply):
                return outcome
            wait, retry = self._wait(outcome, retry)
            if wait is None or wait >= deadline.left():
                break
            warn("http_again", call=shown, why=outcome.why, wait_sec=round(wait, 2))
            self._clock.sleep(wait)
        raise UpstreamError(
            f"{shown}: {outcome.why} ({tries} {'try' if tries == 1 else 'tries'})",
            next_command="the same command later",
        )

    def _wait(self, failure: _Failure, retry: Retry) -> tuple[float | None, Retry]:
        """How long before the next try, None for no other; and what is left of the policy."""
        try:
            retry = retry.increment(error=HTTPError(failure.why))
        except MaxRetryError:
            return None, retry
        asked = failure.wait_sec or 0
        if not failure.again or asked > self._limits.wait_sec:
            return None, retry
        jitter = random.uniform(0, self._limits.backoff_sec)  # noqa: S311  no secret
        return max(asked, retry.get_backoff_time()) + jitter, retry

    def _try(self, request: dict[str, Any], deadline: _Deadline) -> Reply | _Failure:
        """One try; no exception of it gets out, as its text or cause could show the key."""
        left, limits = deadline.left(), self._limits
        if left <= 0:
            return _Failure("no answer in time", again=False)
        timeout = (min(limits.connect_sec, left), min(limits.read_sec, left))
        try:
            with self._session.request(
                **request, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                return self._read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            return _Failure(self.masked(f"{type(error).__name__}: {error}"))

    def _read(self, response: requests.Response) -> Reply | _Failure:
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > self._limits.body_bytes:
                return _Failure(
                    f"a reply of more than {self._limits.body_bytes:,} bytes", again=False
                )
        return self._judged(response, bytes(body))

    def _judged(self, response: requests.Response, body: bytes) -> Reply | _Failure:
        status, kind = response.status_code, response.headers.get("Content-Type", "no type")
        sample = self.masked(body.decode("utf-8", "replace")).replace("\n", " ")[:_SAMPLE]
        if status in _AGAIN:
            asked = self._retry_after(response.headers.get("Retry-After"))
            why = f"HTTP {status}" + (f", asks to wait {asked:.0f} s" if asked else "")
            return _Failure(why, wait_sec=asked)
        if _REDIRECT <= status < _CLIENT_ERROR:
            return _Failure(
                f"HTTP {status}: it points elsewhere, which is not followed", again=False
            )
        try:
            payload = self._parse(body)
        except (ValueError, RecursionError):
            payload = None
            if status < _CLIENT_ERROR:
                return _Failure(f"HTTP {status} and {kind}, but no JSON: {sample!r}")
        return Reply(status, payload, sample)

    def _retry_after(self, header: str | None) -> float | None:
        """Seconds, whether the header says seconds or a date; nonsense says nothing."""
        try:
            return self._policy.parse_retry_after(header) if header else None
        except InvalidHeader:
            return None
