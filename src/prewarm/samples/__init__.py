"""What an entry is asked, and whether it answers as it should.

``ANSWER`` is what the worker goes on with; ``read_answers`` looks at what it says; ``judge`` compares that with what is
expected, and with what ``recorded`` has; ``cases`` and ``items`` read sets of questions.
"""

from prewarm.samples.answers import read_answers
from prewarm.samples.cases import Case, read_cases
from prewarm.samples.items import Items, read_items
from prewarm.samples.judge import judge
from prewarm.samples.questions import asked_of, digest_of
from prewarm.samples.recorded import NAME, dump, load

ANSWER = "prewarm.samples.inside:answer"

__all__ = [
    "ANSWER",
    "NAME",
    "Case",
    "Items",
    "asked_of",
    "digest_of",
    "dump",
    "judge",
    "load",
    "read_answers",
    "read_cases",
    "read_items",
]
