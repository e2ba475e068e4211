"""A process that runs what is not prewarm's own: classes, remote code, an application's command.

Standard library only: it is imported in that process before anything else.
"""
