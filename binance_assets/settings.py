"""Settings, from the environment or from ``.env`` in the current folder. The environment wins."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: One line per setting that makes no sense, with its name.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}={problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from error
