"""The exchange's request weight, shared by all processes of one home, and when it wants to be left alone.

The exchange counts weight per IP address and minute; over the limit it answers 429, then bans (exchange docs,
rest-api limits). The rule here: a request reserves its weight before it leaves; the account of a minute is
what was reserved in it or what the exchange itself says was used, whichever is more; beyond ``SHARE`` of the
limit a request waits for the next minute. The rest of the limit is for what this account cannot see in time:
another program on the same address, a clock that is off by seconds. The reservation of a process that dies
ends with its minute.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from binance_assets.clock import Clock

log = logging.getLogger(__name__)

SHARE = 0.8
"""How much of the limit is spent."""

SPARE_SHARE = 0.5
"""How much of it may be spent already when something is asked that can wait: the rest is for the collector."""

DEFAULT_LIMIT = 6000
"""Weight a minute, until the exchange says otherwise in the ``rateLimits`` of its metadata."""

LONGEST_HOLD_SECONDS = 3 * 24 * 3600
"""The longest ban there is (exchange docs); whatever an answer says, the way is free again after it."""

_TABLE = """
create table if not exists account (
    name text primary key,
    weight_limit integer not null,
    minute integer not null,      -- since the epoch
    spent integer not null,       -- weight in that minute
    retry_at real not null,       -- seconds since the epoch; requests wait for it (429)
    banned_until real not null    -- seconds since the epoch; requests are refused until then (418)
)
"""


class WeightBudgetError(Exception):
    """The file of the budget cannot be used."""


class HeldBack(Exception):
    """A request may not leave now.

    Attributes:
        until: From when it may, naive UTC.
        banned: Whether it is for a ban, not just for a limit.
        seconds: How long that is from now.
    """

    def __init__(self, until: float, seconds: float, *, banned: bool) -> None:
        self.until = datetime.fromtimestamp(until, UTC).replace(tzinfo=None)
        self.banned = banned
        self.seconds = seconds
        super().__init__(f"held back until {self.until:%Y-%m-%d %H:%M:%S} UTC")


@dataclass
class _Account:
    weight_limit: int = DEFAULT_LIMIT
    minute: int = 0
    spent: int = 0
    retry_at: float = 0.0
    banned_until: float = 0.0


class WeightBudget:
    """Accounts of request weight in a SQLite file, one for each party that counts.

    Every call is one short exclusive transaction, so processes never reserve the same weight, and a kill at
    any moment leaves the file right.

    Args:
        path: The file; it and its folder are made when missing.
        clock: The host's, if there is none.
        share: How much of the limit is spent by whoever asks through this; less for what can wait.

    Raises:
        WeightBudgetError: By every method, when the file cannot be read or written.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, share: float = SHARE) -> None:
        self.path = path
        self._share = share
        self._clock = clock or Clock()
        self._unwritten: dict[str, _Account] = {}

    def reserve(self, account: str, weight: int, *, patience: float) -> int:
        """Takes the weight of one request from the account, and waits for it where it has to.

        Args:
            account: Whose.
            weight: Of the request.
            patience: Seconds that it may wait.

        Returns:
            The minute it was taken from, for :meth:`settle`.

        Raises:
            HeldBack: The exchange has banned this address, or the wait would be longer than ``patience``.
        """
        give_up_at = self._clock.monotonic() + patience
        while True:
            with self._changing(account) as state:
                now = self._now()
                minute = int(now // 60)
                if state.minute != minute:
                    state.minute, state.spent = minute, 0
                if state.banned_until > now:
                    raise HeldBack(state.banned_until, state.banned_until - now, banned=True)
                if state.retry_at > now:
                    free_at = state.retry_at
                elif state.spent and state.spent + weight > self._share * state.weight_limit:
                    free_at = 60.0 * (minute + 1)
                else:
                    state.spent += weight
                    return minute
            wait = free_at - now
            if self._clock.monotonic() + wait > give_up_at:
                raise HeldBack(free_at, wait, banned=False)
            log.info("%s: waiting %.1f s for request weight", account, wait)
            self._clock.sleep(wait)

    def settle(self, account: str, minute: int, used_weight: int) -> None:
        """Corrects the account by what the exchange has counted, other programs on this address included.

        Args:
            account: Whose.
            minute: From which the weight was reserved; in a later one the figure says nothing.
            used_weight: From the answer's header ``X-MBX-USED-WEIGHT-1M``.
        """
        with self._changing(account) as state:
            if state.minute == minute:
                state.spent = max(state.spent, used_weight)

    def set_limit(self, account: str, weight_limit: int) -> None:
        """Sets the weight that the exchange allows in a minute."""
        with self._changing(account) as state:
            state.weight_limit = weight_limit

    def hold(self, account: str, seconds: float, *, banned: bool) -> None:
        """Lets no request leave for a time, not even after a restart. A hold is only ever made longer.

        Args:
            account: Whose.
            seconds: For how long, from now; three days at most.
            banned: Whether for a ban: then requests are refused at once and do not wait.
        """
        until = self._now() + min(seconds, LONGEST_HOLD_SECONDS)
        with self._changing(account) as state:
            if banned:
                state.banned_until = max(state.banned_until, until)
            else:
                state.retry_at = max(state.retry_at, until)

    def _now(self) -> float:
        """Seconds since the epoch, of the wall clock: the exchange counts by its minutes, and a restart keeps it."""
        return self._clock.now().replace(tzinfo=UTC).timestamp()

    @contextmanager
    def _changing(self, account: str) -> Iterator[_Account]:
        """An account, exclusively, and stored afterwards."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
                connection.execute("begin immediate")
                connection.execute(_TABLE)
                row = connection.execute(
                    "select weight_limit, minute, spent, retry_at, banned_until from account where name = ?",
                    [account],
                ).fetchone()
                state = self._unwritten.get(account) or (_Account(*row) if row else _Account())
                yield state
                self._write(connection, account, state)
        except (sqlite3.Error, OSError) as error:
            raise WeightBudgetError(
                f"The request weights cannot be kept in {self.path}: {error}. Make its folder writable; "
                "a damaged file may be deleted, which forgets a ban that is still on."
            ) from error

    def _write(self, connection: sqlite3.Connection, account: str, state: _Account) -> None:
        """Store an account; on a full disk it is kept in memory until there is room, and asking goes on."""
        try:
            connection.execute(
                "insert or replace into account values (?, ?, ?, ?, ?, ?)",
                [
                    account,
                    state.weight_limit,
                    state.minute,
                    state.spent,
                    state.retry_at,
                    state.banned_until,
                ],
            )
            connection.execute("commit")
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self._unwritten[account] = state
        else:
            self._unwritten.pop(account, None)
