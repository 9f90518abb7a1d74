"""Ids that are the same each time, so that a project that is made again differs only where it has changed."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f1f3f0e-6a39-5c5b-9a51-0c6c1d6c2b77")


def guid(*names: str) -> str:
    """The GUID of what these names lead to."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


def short_id(*names: str) -> str:
    """The same in the form that pages, visuals and filters have: 20 hexadecimal digits."""
    return uuid5(_NAMESPACE, "/".join(names)).hex[:20]
