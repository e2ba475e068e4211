"""A page of HTML that needs nothing else: no script, no font, no address. Changes with how pages look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prewarm.formats.charts import STYLE
from prewarm.records.text import harmless

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title | harmless }}</title>
<style>
{{ style | safe }}
body { margin: 2rem auto; max-width: 84rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1, h2 { font-weight: 600; line-height: 1.2; }
h2 { margin-top: 2.5rem; }
.facts { color: color-mix(in srgb, var(--ink) 70%, var(--paper)); }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--faint); border-radius: 6px; font-size: 13px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; }
.pictures svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
td { overflow-wrap: anywhere; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--faint); }
</style>
</head>
<body>
<h1>{{ title | harmless }}</h1>
{% for part in parts %}
{% if part.title %}<h2>{{ part.title | harmless }}</h2>{% endif %}
{% if part.facts %}<p class="facts">{{ part.facts | join(", ") | harmless }}</p>{% endif %}
{% if part.rows %}<div class="scroll"><table>
<thead><tr>{% for cell in part.rows[0] %}<th>{{ cell | harmless }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in part.rows[1:] %}<tr>{% for cell in row %}<td>{{ cell | harmless }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>{% endif %}
{% if part.text %}<pre>{{ part.text }}</pre>{% endif %}
{% if part.pictures %}<div class="pictures">{% for picture in part.pictures %}<figure>{{ picture | safe }}</figure>\
{% endfor %}</div>{% endif %}
{% endfor %}
</body>
</html>
"""


def page(title: str, parts: Sequence[Mapping[str, Any]]) -> str:
    """The page.

    Args:
        title: of all of it.
        parts: each with ``title``, ``facts``, ``rows`` (the first is the head), ``text`` and ``pictures`` (SVG).
    """
    import jinja2  # noqa: PLC0415 (takes as long as a check)

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.Undefined)
    environment.filters["harmless"] = harmless
    made: str = environment.from_string(_TEMPLATE).render(title=title, parts=parts, style=STYLE)
    return made
