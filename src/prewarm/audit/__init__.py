"""What files can do to those who open them: looked at before they are shown, in a process that is confined."""

from prewarm.audit.scanner import Scanner

__all__ = ["Scanner"]
