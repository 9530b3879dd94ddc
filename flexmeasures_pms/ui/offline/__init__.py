"""Serving pages without asking any other host for anything."""

from __future__ import annotations


def hosts() -> tuple[str, ...]:
    """Return the hosts that pages load styles and fonts from; none when offline."""
    return (
        "https://cdn.jsdelivr.net",
        "https://cdnjs.cloudflare.com",
        "https://unpkg.com",
        "https://cdn.datatables.net",
        "https://fonts.gstatic.com",
    )
