"""Writing a manifest: from what an application was seen to load. ``record.drafts`` is the face of it."""
