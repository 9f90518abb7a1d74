"""Settings, from the environment or from ``.env`` in the current folder. The environment wins."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from binance_assets.clients.archive import DEFAULT_ARCHIVE_URL
from binance_assets.clients.coinmarketcap import DEFAULT_BASE_URL
from binance_assets.clients.http import is_loopback

Source = Literal["live", "sandbox"]


class SettingsError(Exception):
    """A setting makes no sense; the message names it and says what would."""


class Settings(BaseSettings):
    """All that can be set. Read anew by each process; nothing of it is stored with the data.

    The descriptions below are printed in ``docs/settings.md``.
    """

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore")

    home: Path = Field(
        Path("data"),
        validation_alias="BINANCE_ASSETS_HOME",
        description="Folder of all data: landing files, warehouses, exports, Dagster's own storage.",
    )
    source: Literal["auto", "live", "sandbox"] = Field(
        "auto",
        validation_alias="BINANCE_SOURCE",
        description="live: the real exchange. sandbox: the simulated one. auto: live if the exchange answers when a "
        "home first asks it, else sandbox; the home stays with what it found.",
    )
    api_url: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="BINANCE_API_URL",
        description="Base addresses of the exchange, separated by commas, tried in this order. "
        "Default: the exchange's public market-data host, then its other hosts.",
    )
    archive_url: str = Field(
        DEFAULT_ARCHIVE_URL,
        validation_alias="BINANCE_ARCHIVE_URL",
        description="Base address of the exchange's archive of candles, or of a copy that lists its files as S3 does. "
        "With the sandbox as source, the sandbox is asked instead.",
    )
    sampling_interval_seconds: int = Field(
        10,
        ge=1,
        le=60,
        validation_alias="BINANCE_SAMPLING_INTERVAL_SECONDS",
        description="Seconds between two samples of the whole market; a divisor of 60.",
    )
    carry_limit_seconds: int = Field(
        300,
        ge=0,
        le=3600,
        validation_alias="BINANCE_CARRY_LIMIT_SECONDS",
        description="How old a price may be to be carried into a minute without observations.",
    )

    landing_days: int = Field(
        7,
        ge=1,
        validation_alias="BINANCE_LANDING_DAYS",
        description="Sealed days for which the responses are kept as received. Older ones can be rebuilt from the "
        "lake; responses with metadata are kept for ever.",
    )

    coinmarketcap_api_key: SecretStr | None = Field(
        None,
        validation_alias="COINMARKETCAP_API_KEY",
        description="Key of an account at CoinMarketCap, for its coins and categories. It is sent to CoinMarketCap (or "
        "to the sandbox on this machine) and written nowhere. Without it the project's own list of categories is used.",
    )
    coinmarketcap_api_url: str = Field(
        DEFAULT_BASE_URL,
        validation_alias="COINMARKETCAP_API_URL",
        description="Base address of CoinMarketCap. With the sandbox as source, the sandbox is asked instead.",
    )

    watch_list: Annotated[tuple[str, ...], NoDecode] = Field(
        ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ETHBTC"),
        validation_alias="BINANCE_WATCH_LIST",
        description="Pairs whose minutes are exported, separated by commas; * for all pairs.",
    )
    repair: Literal["watch_list", "all"] = Field(
        "watch_list",
        validation_alias="BINANCE_REPAIR",
        description="For which pairs a gap of the whole market is repaired from candles: those of BINANCE_WATCH_LIST, "
        "or all that were trading, which is a request for each pair and gap. Those whose months were brought from the "
        "archive are repaired in any case. The same pairs are asked for candles of hours and days, to compare.",
    )
    export_days: int = Field(
        7,
        ge=1,
        validation_alias="BINANCE_EXPORT_DAYS",
        description="Days for which minutes are exported, back from the newest; and hours in binance.duckdb, once "
        "there are more than a million of them. As Parquet, hours and days are exported for all time.",
    )
    publish_coinmarketcap: bool = Field(
        False,
        validation_alias="BINANCE_PUBLISH_COINMARKETCAP",
        description="Whether what is CoinMarketCap's own is exported, too. Its terms allow that only to whoever has "
        "agreed it with them; the sectors of the project's own list are exported in any case.",
    )

    @property
    def repaired_symbols(self) -> tuple[str, ...] | None:
        """The pairs for which a gap of the whole market is repaired; None for all."""
        return None if self.repair == "all" or "*" in self.watch_list else self.watch_list

    @field_validator("api_url", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        addresses = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        for address in addresses:
            if not address.startswith(("http://", "https://")):
                raise ValueError(f"{address!r} is no address; it should begin with https://")
        return addresses

    @field_validator("archive_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is no address; it should begin with https://")
        return value

    @field_validator("coinmarketcap_api_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch("[0-9A-Za-z_-]{8,200}", value.get_secret_value()):
            raise ValueError("a key is 8 or more letters, digits and hyphens, without quotes or spaces around it")
        return value

    @field_validator("coinmarketcap_api_url")
    @classmethod
    def _keeps_the_key_secret(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if not (value.startswith("https://") or (value.startswith("http://") and is_loopback(value))):
            raise ValueError("it should begin with https://, for the key is sent there")
        return value

    @field_validator("watch_list", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        symbols = tuple(dict.fromkeys(part.strip().upper() for part in value.split(",") if part.strip()))
        if not symbols:
            raise ValueError("it should name a pair, such as BTCUSDT, or be * for all")
        return symbols

    @field_validator("sampling_interval_seconds")
    @classmethod
    def _divides_the_minute(cls, value: int) -> int:
        if 60 % value:
            raise ValueError(f"{value} does not divide 60, so its samples would not be aligned to the minute")
        return value

    @field_validator("home")
    @classmethod
    def _is_no_file(cls, value: Path) -> Path:
        value = value.expanduser()
        if value.exists() and not value.is_dir():
            raise ValueError(f"{value} is not a folder")
        return value


_SECRETS = {
    field.validation_alias
    for field in Settings.model_fields.values()
    if SecretStr in (field.annotation, *get_args(field.annotation))
}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: One line per setting that makes no sense, with its name.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{_name(problem)}={'***' if _name(problem) in _SECRETS else repr(problem['input'])}: {problem['msg']}"
            for problem in error.errors()
        ]
    else:
        return settings
    raise SettingsError("\n".join(lines))  # not from the error, which shows what was given, secrets too


def _name(problem: Mapping[str, Any]) -> str:
    """The setting that a problem is about."""
    return ".".join(str(part) for part in problem["loc"])
