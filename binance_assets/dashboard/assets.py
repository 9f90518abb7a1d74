"""The asset of the dashboard."""

import dagster as dg

from binance_assets.assets import OWNERS, WRITER_POOL, label
from binance_assets.dashboard.page import write_page
from binance_assets.resources import HomeResource

SERVED = "http://127.0.0.1:3002"
"""Where `binance-assets dashboard` serves it, if it is not told another port."""


@dg.asset(
    key=["export", "dashboard"],
    group_name="export",
    kinds={"html", "file"},
    owners=OWNERS,
    deps=[["export", "parquet"]],
    pool=WRITER_POOL,
)
def dashboard(home: HomeResource) -> dg.MaterializeResult:
    """The page that people open: pictures of the newest export, in one file that needs neither network nor server."""
    store = home.store
    page = write_page(store)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(page)),
            "while_it_is_served": dg.MetadataValue.url(SERVED),
            "megabytes": round(page.stat().st_size / 1e6, 2),
            "source": label(store.source),
        }
    )
