"""The asset of the report."""

from contextlib import suppress
from datetime import timedelta

import dagster as dg

from binance_assets.assets import OWNERS, label
from binance_assets.dashboard.assets import SERVED
from binance_assets.dashboard.page import PAGE
from binance_assets.resources import HomeResource


@dg.asset(
    key=["export", "report"],
    group_name="export",
    kinds={"html", "markdown"},
    owners=OWNERS,
    deps=[["export", "parquet"]],
)
def report(home: HomeResource) -> dg.MaterializeResult:
    """The findings of the newest day as a page that people read, and those of the day before.

    The day before is written again because its last hours, and what is measured of whole days, come after its end.
    """
    # The pictures' library is loaded where it is needed, not by everything that looks at the definitions.
    from binance_assets.report.findings import NothingToReport  # noqa: PLC0415
    from binance_assets.report.write import write_report  # noqa: PLC0415

    store = home.store
    try:
        written = write_report(store)
    except NothingToReport as nothing:
        return dg.MaterializeResult(metadata={"findings": str(nothing), "source": label(store.source)})
    with suppress(NothingToReport):
        write_report(store, written.findings["day"] - timedelta(days=1))
    return dg.MaterializeResult(
        metadata={
            "day": written.findings["day"].isoformat(),
            "findings": dg.MetadataValue.md(written.summary),
            "page": dg.MetadataValue.path(str(written.html)),
            "dashboard": dg.MetadataValue.path(str(store.export / PAGE)),
            "dashboard_while_it_is_served": dg.MetadataValue.url(SERVED),
            "source": label(store.source),
        }
    )
