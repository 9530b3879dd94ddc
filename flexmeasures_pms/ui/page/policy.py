"""Security headers of the pages.

Scripts run only from this server or with the response's nonce, which FlexMeasures' own
scripts get too (see :mod:`flexmeasures_pms.ui.offline.loader`). Styles may be in
attributes: FlexMeasures' frame has some, and bars get their height this way.
"""

from __future__ import annotations

from flask import Response

from flexmeasures_pms.ui.offline.serve import hosts


def apply(response: Response, nonce: str) -> None:
    """Set the security headers of a response."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Pages say that they are checked again, files that they never change; redirects nothing.
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Content-Security-Policy"] = content_security_policy(nonce)


def content_security_policy(nonce: str) -> str:
    """Return the policy of one response."""
    outside = hosts()
    directives: dict[str, tuple[str, ...]] = {
        "default-src": ("'none'",),
        "script-src": ("'self'", f"'nonce-{nonce}'"),
        "style-src": ("'self'", f"'nonce-{nonce}'", *outside),
        "style-src-attr": ("'unsafe-inline'",),
        "font-src": ("'self'", "data:", *outside),
        # An organisation's logo may be on any host.
        "img-src": ("'self'", "data:", "blob:", *(("https:",) if outside else ())),
        "connect-src": ("'self'",),
        "form-action": ("'self'",),
        "frame-ancestors": ("'self'",),
        "base-uri": ("'none'",),
        "object-src": ("'none'",),
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())
