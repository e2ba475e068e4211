"""Parts of a page that are made: what stands between ``<!-- KIND: NAME -->`` and ``<!-- end -->``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping


def filled(text: str, made: Mapping[str, Callable[[str], str]]) -> str:
    """A page with its parts made anew.

    Args:
        text: the page.
        made: for each kind what gives the content of a name; other kinds are left as they are.
    """
    place = re.compile(rf"(<!-- ({'|'.join(made)}): ([\w./-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return place.sub(lambda found: f"{found[1]}{made[found[2]](found[3])}{found[4]}", text)
