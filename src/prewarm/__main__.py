"""``python -m prewarm``."""

import sys

from prewarm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
