"""What model cards advise, in a loop: ``python from_pretrained.py ID…``."""

from __future__ import annotations

import sys
import warnings

warnings.simplefilter("ignore")

from transformers import AutoModel, AutoProcessor  # noqa: E402

for repo_id in sys.argv[1:]:
    AutoProcessor.from_pretrained(repo_id)
    AutoModel.from_pretrained(repo_id)
