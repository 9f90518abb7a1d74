"""Access to the package's SQL files, one model a file."""

from functools import cache
from importlib import resources


@cache
def sql(model: str) -> str:
    """The text of a model, by its path inside the package, such as ``core/pair.sql``."""
    return resources.files("binance_assets").joinpath(model).read_text(encoding="utf-8")
