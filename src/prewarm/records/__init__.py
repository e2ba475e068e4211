"""Every value that flows from the manifest to the report, and how to name, measure and refuse it.

One module a station: listing, entry, lock, plan, proof, report. Imports nothing of prewarm beyond itself.
"""
