"""prewarm beside what people use in its place: the same work, in turns, in one run. ``python -m bench --help``."""
