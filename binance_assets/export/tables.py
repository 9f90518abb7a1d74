"""The table that only the export has."""

from __future__ import annotations

from typing import get_args

from binance_assets.settings import Source
from binance_assets.tables import Table, flag, instant, integer, one_of, positive, text

PUBLICATION = Table(
    "export.publication",
    "What the files beside it are: where their prices are from, and of when. `manifest.json` says the same, and more.",
    grain="the publication, one row",
    key=("published_at",),
    columns={
        "source": text("Which exchange was observed", one_of(*get_args(Source))),
        "simulated": flag("Whether the prices are made up by the sandbox exchange"),
        "notice": text("What a reader is to know of them in a few words, such as SIMULATED", nullable=True),
        "published_at": instant("When it was published"),
        "data_until": instant("The newest price, or the minute of the newest candle; empty without any", nullable=True),
        "sampled_until": instant(
            "Up to when the market was asked for prices, with an answer or without; empty if it never was. Of a gap "
            "that has no end yet nothing is known from then on",
            nullable=True,
        ),
        "contract_version": integer("The version of the contract that the files keep to", positive()),
    },
)
