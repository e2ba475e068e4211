"""From the manifest's entries to a report. ``warm`` is the spine; ``ports`` is what it knows of the outside."""
