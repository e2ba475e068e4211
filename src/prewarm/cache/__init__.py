"""The Hugging Face cache on disk.

``disk.DiskCache`` is the cache; ``preview.Preview`` shows one without writing to it; ``scan`` only looks.
"""
