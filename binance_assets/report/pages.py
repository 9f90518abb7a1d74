"""A report as Markdown and as HTML. Whatever comes from data is text in both, whatever it looks like."""

from __future__ import annotations

import base64
import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from binance_assets.report.sections import Page

_LOADER = PackageLoader("binance_assets", "report")

_MARKUP = re.compile(r"([\\`*_\[\]<>|~#&$]|:(?=//)|(?<=www)\.|!(?=\[))")
"""What could begin markup, an entity, a formula or a link within a line of Markdown."""


def html(page: Page) -> str:
    """The report as one self-contained page: pictures and style are in it, and nothing is fetched."""
    environment = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["base64"] = lambda text: base64.b64encode(text.encode()).decode()
    return environment.get_template("report.html.j2").render(page=page)


def markdown(page: Page) -> str:
    """The report as Markdown; its pictures are files beside it, by their names."""
    # Every value is escaped as it is put in, so that none can be forgotten.
    environment = Environment(  # noqa: S701 - it is no HTML
        loader=_LOADER, finalize=escaped, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("report.md.j2").render(page=page)


def escaped(value: object) -> str:
    """A value as text within a line of Markdown."""
    return _MARKUP.sub(r"\\\1", re.sub(r"[\r\n\t]+", " ", str(value)))
