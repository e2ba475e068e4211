"""What an answer's headers announce of the Hub's limits. Changes with those headers.

``RateLimit`` and ``RateLimit-Policy`` are described at huggingface.co/docs/hub/rate-limits and in
draft-ietf-httpapi-ratelimit-headers, ``Retry-After`` in RFC 9110, 10.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_LIMIT = re.compile(r'"?([\w-]+)"?\s*;\s*r=(\d+)\s*;\s*t=(\d+(?:\.\d+)?)')
_POLICY = re.compile(r'"?([\w-]+)"?\s*;\s*q=(\d+)\s*;\s*w=(\d+(?:\.\d+)?)')


def parse_limit(headers: Mapping[str, str]) -> tuple[str, int, float] | None:
    """(bucket, requests left, seconds to the reset) of a ``RateLimit`` header, or None."""
    match = _LIMIT.search(headers.get("RateLimit") or headers.get("ratelimit") or "")
    return (match[1], int(match[2]), float(match[3])) if match else None


def parse_policy(headers: Mapping[str, str]) -> tuple[str, int, float] | None:
    """(bucket, requests of a window, its seconds) of a ``RateLimit-Policy`` header, or None."""
    match = _POLICY.search(headers.get("RateLimit-Policy") or headers.get("ratelimit-policy") or "")
    return (match[1], int(match[2]), float(match[3])) if match and int(match[2]) else None


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds of a ``Retry-After`` header, given in seconds or as a date, or None.

    Args:
        headers: of the answer.
        now: seconds since the epoch.
    """
    text = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError):
        return None
