"""The exchange's archive of candles: what is in it, and its files, whole and as published, or an error.

A file is a zip with one CSV of one-minute candles, for a pair and a month or a day. Beside it lies a ``.CHECKSUM``,
which is asked for first. Files are replaced without notice: what the listing says of one (size, ETag, time) tells.

A mismatch is tried once more, from its checksum on, since the file may have been replaced between the two requests.
What can get better otherwise is tried again after a pause; see ``errors`` for what cannot.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as XmlTree

from tenacity import RetryCallState, Retrying, before_sleep_log, retry_if_exception, wait_exponential_jitter

from binance_assets.clients.binance import SIMULATED_HEADER
from binance_assets.clients.errors import (
    BadRequest,
    BadResponse,
    ExchangeError,
    ExchangeServerError,
    Forbidden,
    RateLimited,
    RestrictedLocation,
    WrongExchange,
)
from binance_assets.clients.http import Answer, Limits, Transport
from binance_assets.clock import Clock

log = logging.getLogger(__name__)

DEFAULT_ARCHIVE_URL = "https://data.binance.vision"
_LISTING_URL = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision"
"""Who lists what is at the default address, which does not do it itself."""

Scope = Literal["monthly", "daily"]
SCOPES: tuple[Scope, ...] = ("monthly", "daily")

DAY = timedelta(days=1)

ARCHIVE_LIMITS = Limits(read_timeout=20, deadline=180, max_wire_bytes=64 * 2**20, max_body_bytes=64 * 2**20)
"""The largest month of one-minute candles has less than 3 MB."""

_MOST_KEYS = 1000
"""That S3 lists at once."""

_SYMBOL = re.compile(r"[^\W_a-z]([^\Wa-z]|[.-]){0,49}")
"""After the exchange's own rule (2026): letters of any script, which are in names of files then."""

_PERIOD = re.compile(r"-1m-(\d{4}-\d\d(?:-\d\d)?)\.zip")
_CHECKSUM = re.compile(r"([0-9a-fA-F]{64})\s+\*?(\S+)\s*")

Got = TypeVar("Got")


class NotInArchive(ExchangeError):
    """The archive does not have the file, or not yet."""

    advice = (
        "nothing for recent days: daily files come the day after, monthly ones on the first Monday of the next month, "
        "and sometimes late. The exchange itself has the candles of the time."
    )


class ArchiveRestricted(RestrictedLocation):
    """The archive does not serve the place this request came from."""

    advice = "set BINANCE_ARCHIVE_URL to an address of the archive, or of a copy of it, that serves this location."


class ChecksumMismatch(ExchangeError):
    """A file is not what its ``.CHECKSUM`` says, twice in a row.

    Attributes:
        expected: The sha256 in ``.CHECKSUM``.
        actual: That of what came.
    """

    advice = (
        "nothing of it was kept. The archive's own copy is damaged, or its checksum is: try again in some days, since "
        "such files get replaced. The same candles are in the daily files, or the monthly one, and at the exchange."
    )

    def __init__(self, name: str, url: str, *, expected: str, actual: str, size: int, listed_size: int) -> None:
        what = f"its sha256 is {actual}, and its CHECKSUM says {expected} ({size:,} bytes came of {listed_size:,})"
        super().__init__(what, endpoint=name, url=url, status=200)
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True)
class ArchiveFile:
    """A zip as the archive lists it. Instants are naive UTC.

    Attributes:
        symbol: Whose candles.
        scope: Of a month, or of a day.
        first: The first day in it.
        size: In bytes.
        last_modified: When it was uploaded, or replaced; to the second.
        etag: What else changes with the content; None if the listing does not say.
    """

    symbol: str
    scope: Scope
    first: date
    size: int
    last_modified: datetime
    etag: str | None

    @property
    def last(self) -> date:
        """The last day in it."""
        return last_day(self.scope, self.first)

    @property
    def name(self) -> str:
        """Such as ``BTCUSDT-1m-2020-01.zip``."""
        return file_name(self.symbol, self.scope, self.first)

    @property
    def key(self) -> str:
        """Where it is in the archive."""
        return _folder(self.symbol, self.scope) + self.name


class Checksum(NamedTuple):
    """What a ``.CHECKSUM`` says, and its text as received."""

    sha256: str
    text: str


@dataclass(frozen=True)
class Download:
    """A file that was saved, and is what its checksum says. Instants are naive UTC.

    Attributes:
        url: Where it came from.
        checksum: Of ``.CHECKSUM``, and its own.
        size: In bytes.
        last_modified: By the header of the answer, else by the listing.
        etag: The same.
    """

    url: str
    checksum: Checksum
    size: int
    last_modified: datetime
    etag: str | None


class ArchiveClient:
    """Asks the archive. Any number of threads may use it at once: each has a connection of its own.

    Args:
        url: Base address; another than the default one lists its files itself, as S3 does.
        simulated: Whether the sandbox is expected to answer.
        limits: What one response may take.
        attempts: How often a request is tried that may yet succeed.
        give_up_after: Seconds after which a request is over, with all its attempts.
        backoff: Seconds of the first pause between attempts; it doubles; up to one is added at random.
        clock: By which it waits; the host's, if there is none.

    Raises:
        ValueError: The address is none.
    """

    def __init__(
        self,
        url: str = DEFAULT_ARCHIVE_URL,
        *,
        simulated: bool = False,
        limits: Limits = ARCHIVE_LIMITS,
        attempts: int = 5,
        give_up_after: float = 300.0,
        backoff: float = 0.5,
        clock: Clock | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
            raise ValueError(f"{url!r} is no address of an archive; one looks like {DEFAULT_ARCHIVE_URL}")
        self.url = url.rstrip("/")
        self._listing_url = _LISTING_URL if self.url == DEFAULT_ARCHIVE_URL else self.url
        self._simulated = simulated
        self._limits = limits
        self._attempts = attempts
        self._patience = give_up_after
        self._pause = wait_exponential_jitter(multiplier=backoff, max=30, jitter=backoff)
        self._clock = clock or Clock()
        self._own = threading.local()
        self._transports: list[Transport] = []

    def files(self, symbol: str, scope: Scope, first: date, last: date) -> list[ArchiveFile]:
        """The files of a pair that begin from one day to another, in order.

        Raises:
            ValueError: That is no symbol.
            ExchangeError: One of its subclasses.
        """
        checked_symbol(symbol)
        folder = _folder(symbol, scope)
        end = f"{folder}{file_name(symbol, scope, last)}.CHECKSUM"
        marker = (folder + file_name(symbol, scope, first)).removesuffix(".zip")
        periods = (last - first).days // (31 if scope == "monthly" else 1) + 2
        found: list[ArchiveFile] = []
        while True:
            page = self._page({"prefix": folder, "marker": marker, "max-keys": str(min(2 * periods, _MOST_KEYS))})
            try:
                files = [_listed(symbol, scope, entry) for entry in page.entries if entry["Key"] <= end]
            except ValueError as error:
                raise self._bad_listing(f"the listing has a size or a time that is none: {error}") from error
            found += [file for file in files if file]
            if not page.goes_on or page.last_key >= end:
                return found
            if page.last_key <= marker:
                raise self._bad_listing("the listing does not go on where it should")
            marker = page.last_key

    def checksum(self, file: ArchiveFile) -> Checksum:
        """What the ``.CHECKSUM`` of a file says.

        Raises:
            NotInArchive: It is not there.
            ExchangeError: Another of its subclasses.
        """
        name, url = f"{file.name}.CHECKSUM", f"{self._address(file)}.CHECKSUM"

        def ask(give_up_at: float) -> Checksum:
            answer = self._fetch(url, None, name, give_up_at)
            text = answer.body.decode("utf-8", errors="replace")
            lines = text.splitlines()
            found = _CHECKSUM.fullmatch(lines[-1]) if lines else None
            if not found or found[2] != file.name:
                raise BadResponse("that is no checksum of the file", endpoint=name, url=url, body=answer.body)
            return Checksum(found[1].lower(), text)

        return self._retrying(ask)

    def download(self, file: ArchiveFile, path: Path, checksum: Checksum) -> Download:
        """Saves a file that is what its checksum says. After an error, what is at the path is worth nothing.

        Raises:
            ChecksumMismatch: It is not, in the second attempt either, nor what the checksum says by then.
            NotInArchive: It is not there.
            ExchangeError: Another of its subclasses.
            OSError: It cannot be written.
        """
        sha256, download = self._save(file, path, checksum)
        if sha256 != checksum.sha256:
            log.info("%s: the sha256 is not that of its CHECKSUM; both are asked for again", file.name)
            checksum = self.checksum(file)
            sha256, download = self._save(file, path, checksum)
        if sha256 != checksum.sha256:
            raise ChecksumMismatch(
                file.name,
                download.url,
                expected=checksum.sha256,
                actual=sha256,
                size=download.size,
                listed_size=file.size,
            )
        return download

    def close(self) -> None:
        """Closes the connections of all threads."""
        for transport in self._transports:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _save(self, file: ArchiveFile, path: Path, checksum: Checksum) -> tuple[str, Download]:
        """Saves what comes, and gives its sha256."""
        url = self._address(file)

        def ask(give_up_at: float) -> tuple[str, Download]:
            digest = hashlib.sha256()
            with path.open("wb") as stream:

                def take(part: bytes) -> None:
                    digest.update(part)
                    stream.write(part)

                answer = self._fetch(url, None, file.name, give_up_at, into=take)
                size = stream.tell()
            return digest.hexdigest(), Download(
                url=url,
                checksum=checksum,
                size=size,
                last_modified=_http_date(answer.headers.get("Last-Modified", "")) or file.last_modified,
                etag=answer.headers.get("ETag", "").strip('"') or file.etag,
            )

        return self._retrying(ask)

    def _page(self, query: Mapping[str, str]) -> _Page:
        """A page of the listing."""

        def ask(give_up_at: float) -> _Page:
            try:
                answer = self._fetch(f"{self._listing_url}/", query, "archive listing", give_up_at)
            except NotInArchive as error:
                what = "no listing is at this address; BINANCE_ARCHIVE_URL has to list its files as S3 does"
                raise BadRequest(what, endpoint=error.endpoint, url=error.url, status=404) from error
            try:
                root = XmlTree.fromstring(answer.body)  # noqa: S314 - capped in size, and expat limits what it expands
            except XmlTree.ParseError as error:
                raise self._bad_listing(f"the listing cannot be read: {error}", answer.body) from error
            if not root.tag.endswith("ListBucketResult"):
                raise self._bad_listing("that is no listing", answer.body)
            entries = [{_name(field): field.text or "" for field in entry} for entry in root.iterfind("{*}Contents")]
            if not all(entry.keys() >= {"Key", "Size", "LastModified"} for entry in entries):
                raise self._bad_listing("a file in the listing lacks its key, size or time", answer.body)
            goes_on = root.findtext("{*}IsTruncated", "") == "true"
            return _Page(entries, goes_on, max((entry["Key"] for entry in entries), default=""))

        return self._retrying(ask)

    def _bad_listing(self, what: str, body: bytes = b"") -> BadResponse:
        return BadResponse(what, endpoint="archive listing", url=self._listing_url, body=body)

    def _fetch(
        self,
        url: str,
        params: Mapping[str, str] | None,
        name: str,
        give_up_at: float,
        into: Callable[[bytes], object] | None = None,
    ) -> Answer:
        """One request; an answer that is not 200 is an error."""
        if not hasattr(self._own, "transport"):
            self._own.transport = Transport(self._limits, {"Accept-Encoding": "identity"}, clock=self._clock)
            self._transports.append(self._own.transport)
        transport: Transport = self._own.transport
        answer = transport.fetch(url, params, endpoint=name, within=self._left(give_up_at), into=into)
        simulated = SIMULATED_HEADER in answer.headers
        if simulated and not self._simulated:
            raise WrongExchange("a sandbox answers at this address", endpoint=name, url=url)
        if answer.status != 200:
            raise _error(answer, name)
        if self._simulated and not simulated:
            raise WrongExchange("what answers at this address is not the sandbox", endpoint=name, url=url)
        return answer

    def _retrying(self, ask: Callable[[float], Got]) -> Got:
        give_up_at = self._clock.monotonic() + self._patience
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ExchangeError) and error.retryable),
            wait=self._wait,
            stop=lambda it: it.attempt_number >= self._attempts or it.upcoming_sleep >= self._left(give_up_at),
            sleep=self._clock.sleep,
            before_sleep=before_sleep_log(log, logging.INFO),
            reraise=True,
        )
        return retrying(ask, give_up_at)

    def _left(self, give_up_at: float) -> float:
        """Seconds until a request is over."""
        return give_up_at - self._clock.monotonic()

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return self._pause(state) + (error.retry_after if isinstance(error, RateLimited) else 0.0)

    def _address(self, file: ArchiveFile) -> str:
        return f"{self.url}/{quote(file.key)}"


class _Page(NamedTuple):
    entries: list[dict[str, str]]
    goes_on: bool
    last_key: str


def checked_symbol(symbol: str) -> str:
    """A symbol that may be part of an address and of a file's name.

    Raises:
        ValueError: It is none.
    """
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"{symbol!r} is no symbol; one looks like BTCUSDT")
    return symbol


def file_name(symbol: str, scope: Scope, first: date) -> str:
    """How the archive names the file of a month, or of a day."""
    return f"{symbol}-1m-{first:%Y-%m}{'' if scope == 'monthly' else f'{first:-%d}'}.zip"


def last_day(scope: Scope, first: date) -> date:
    """The last day of a month, by its first; of a day, the day itself."""
    return first if scope == "daily" else (first + 31 * DAY).replace(day=1) - DAY


def _folder(symbol: str, scope: Scope) -> str:
    return f"data/spot/{scope}/klines/{symbol}/1m/"


def _listed(symbol: str, scope: Scope, entry: Mapping[str, str]) -> ArchiveFile | None:
    """A file by its entry in a listing; None for a checksum, and what else may lie there."""
    found = _PERIOD.fullmatch(entry["Key"].removeprefix(_folder(symbol, scope) + symbol))
    if not found:
        return None
    first = date.fromisoformat(found[1] if scope == "daily" else f"{found[1]}-01")
    modified = datetime.fromisoformat(entry["LastModified"]).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return ArchiveFile(symbol, scope, first, int(entry["Size"]), modified, entry.get("ETag", "").strip('"') or None)


def _name(element: XmlTree.Element) -> str:
    """The name of an element, without its namespace."""
    return element.tag.rpartition("}")[2]


def _error(answer: Answer, name: str) -> ExchangeError:
    """What an answer says that is not 200."""
    location = answer.headers.get("Location")
    what = f"HTTP {answer.status}, a redirect to {location}" if location else f"HTTP {answer.status}"
    facts: dict[str, Any] = {"endpoint": name, "url": answer.url, "status": answer.status, "body": answer.body}
    if answer.status == 404:
        return NotInArchive("it is not there", **{**facts, "body": b""})
    if answer.status == 429:
        wanted = answer.headers.get("Retry-After", "")
        return RateLimited(what, retry_after=float(wanted) if re.fullmatch(r"\d{1,6}", wanted) else 60.0, **facts)
    kinds: dict[int, type[ExchangeError]] = {403: Forbidden, 408: ExchangeServerError, 451: ArchiveRestricted}
    usual = ExchangeServerError if answer.status >= 500 else BadRequest if answer.status >= 400 else BadResponse
    return kinds.get(answer.status, usual)(what, **facts)


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
