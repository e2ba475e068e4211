"""What an answer's headers announce of the Hub's limits. Changes with those headers.

``RateLimit`` and ``RateLimit-Policy`` are described at huggingface.co/docs/hub/rate-limits and in
draft-ietf-httpapi-ratelimit-headers, ``Retry-After`` in RFC 9110, 10.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from prewarm.hub.shared_windows import LONGEST_S

_LIMIT = re.compile(r'"?([\w-]+)"?\s*;\s*r=(\d{1,15})\s*;\s*t=(\d{1,15}(?:\.\d+)?)')
_SECONDS = re.compile(r"\d{1,12}(?:\.\d+)?", re.ASCII)
_POLICY = re.compile(r'"?([\w-]+)"?\s*;\s*q=(\d{1,15})\s*;\s*w=(\d{1,15}(?:\.\d+)?)')


def parse_limit(headers: Mapping[str, str]) -> tuple[str, int, float] | None:
    """(bucket, requests left, seconds to the reset) of a ``RateLimit`` header, or None."""
    match = _LIMIT.search(headers.get("RateLimit") or headers.get("ratelimit") or "")
    return (match[1], int(match[2]), min(float(match[3]), LONGEST_S)) if match else None


def parse_policy(headers: Mapping[str, str]) -> tuple[str, int, float] | None:
    """(bucket, requests of a window, its seconds) of a ``RateLimit-Policy`` header, or None."""
    match = _POLICY.search(headers.get("RateLimit-Policy") or headers.get("ratelimit-policy") or "")
    return (match[1], int(match[2]), min(float(match[3]), LONGEST_S)) if match and int(match[2]) else None


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of a ``Retry-After`` header, given in seconds or as a date, or None.

    Args:
        headers: of the answer.
        now: seconds since the epoch.
    """
    text = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
