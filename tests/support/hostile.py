"""Values that nobody means: what a URL, form, header or body may be sent with.

Markup is told apart from text by its name: a page that has an element or attribute called
``hostile`` has taken a value for markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

MARK = "hostile"


@dataclass(frozen=True, slots=True)
class Value:
    """One value.

    :param text: as a program would send it.
    :param raw: for a URL or form: with its own escapes, which may be wrong ones.
    """

    text: str
    raw: bool = False

    def quoted(self) -> str:
        """Return it for a URL."""
        return self.text if self.raw else quote(self.text.encode("utf-8", "surrogatepass"), safe="")

    def __str__(self) -> str:
        """Return a short text for messages."""
        return ascii(self.text if len(self.text) < 60 else f"{self.text[:20]}…({len(self.text)})")


NOTHING = ("", " ", "   ", "\t", "null", "None", "undefined", "true")
CONTROL = (
    "\x00", "a\x00b", "0241\x00", "\x01", "\x1b[2J", "\x7f", "\x85", "\n", "a\nb", "a\r\nb: c",
    "\u2028", "\ufeff", "\ufffe",
)  # fmt: skip
LONG = ("x" * 10_000, "9" * 10_000, "x" * 100_000, "é" * 3_000, "1" * 5_000, "a," * 5_000)
NUMBERS = (
    "0", "-0", "-1", "1", "2", "1.5", "1e3", "1e999", "-1e999", "NaN", "nan", "Infinity", "-inf",
    "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "999999999", "9999999999", "0x10", "0b1", "1_000", "+1", "1,5", " 1 ",
    "00000001", "\uff11\uff12", "\u0661\u0662", "\u0967", "\u00b2", "\u2167", "1\u00a0000",
)  # fmt: skip
MARKUP = (
    f"<{MARK}>", f"</script><{MARK}>", f"</textarea></title></style><{MARK}>", f"--><{MARK}>",
    f'" {MARK}="', f"' {MARK}='", f"x {MARK}=1", f"<script>{MARK}()</script>",
    f"<img src=x onerror={MARK}()>", f"javascript:{MARK}()", f"]]><{MARK}>", "&lt;", "&#60;",
    "{{7*7}}", "{% raw %}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
)  # fmt: skip
TEXTS = (
    "'", '"', "`", "\\", "\\\\", "\\x00", "/", "//", "..", "../../../../etc/passwd",
    "..\\..\\windows", "/etc/passwd", "file:///etc/passwd", "http://example.invalid/", "%", "%%",
    "%s", "%n%n%n", "%(name)s", "_", "%_%", "*", "?", "[", "(", "^$", "{0}", "{", "}", "{}",
    "{0.__class__}", "' OR '1'='1", "'; DROP TABLE pms_trackable; --", "1; SELECT pg_sleep(9)",
    "a' UNION SELECT NULL--", "$$", ":name", "\U0001f50b", "\u202e1420", "\u200f", "e\u0301",
    "\u00df", "\u0130", "\u1e9e", "\ufb01", "\U0010ffff", "\ud800", "\udfff", "a;b", "a,b", "a:b",
    ":", "pms:", "case:0241", "a&b=c", "a=b", "#", "=1+1", "@SUM(A1)", "[]", "[[[[", '{"a":1}',
)  # fmt: skip
RAW = ("%00", "%ff", "%fe%ff", "%c0%80", "%ed%a0%80", "%", "%zz", "%2", "%u0041", "%25", "%2e%2e",
       "+", "a+b", "%0d%0aSet-Cookie:+a=b", "%26", "%3d")  # fmt: skip
TIMES = (
    "now", "today", "2026", "2026-03", "2026-03-01", "12:00", "2026-03-01T12:00:00Z",
    "2026-03-01T12:00", "2026-03-01 12:00:00+07:00", "20260301T120000+0700", "2026-W09-7",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00", "1899-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z",
    "2100-01-01T00:00:00Z", "2100-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "9999-12-31T23:59", "9998-01-01T00:00", "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z", "2024-02-29T00:00:00Z", "2025-02-29T00:00:00Z",
    "2026-12-31T23:59:60Z", "2026-03-01T24:00:00Z", "2026-03-01T25:00:00Z",
    "2026-03-01T12:00:00+23:59", "2026-03-01T12:00:00-23:59", "2026-03-01T12:00:00+24:00",
    "2026-03-01T12:00:00+00:00:01", "2026-03-01T12:00:00.000000001Z", "2026-03-29T02:30",
    "1772366400", "1772366400000", "-1", "4713-01-01T00:00:00Z", "P1D", "1h",
)  # fmt: skip
PLACES = ("Asia/Jakarta", "Europe/Amsterdam", "Mars/Olympus", "../Asia/Jakarta", "localtime", "id",
          "en-GB,en;q=0.9", "*;q=x", 'W/"x"', "gzip, br;q=", "application/json; charset=utf-7",
          "multipart/form-data; boundary=", "text/csv; charset*=UTF-8''x", "Token x", "Basic Og==",
          "Bearer", "pmsk_000000000000_" + "0" * 64)  # fmt: skip

VALUES: tuple[Value, ...] = tuple(
    dict.fromkeys(
        (
            *map(Value, (*NOTHING, *CONTROL, *LONG, *NUMBERS, *MARKUP, *TEXTS, *TIMES, *PLACES)),
            *(Value(text, raw=True) for text in RAW),
        )
    )
)


def some(number: int, most: int, more: tuple[Value, ...] = ()) -> list[Value]:
    """Return some values for the parameter of a number: over all parameters, all come.

    :param more: others than :data:`VALUES`, such as the ids of another organisation.
    """
    among = (*VALUES, *more)
    # Far from each other in the list, since neighbours are alike.
    step = 61
    assert len(among) % step
    first = number * most
    count = min(most, len(among))
    return [among[(first + n) * step % len(among)] for n in range(count)]
