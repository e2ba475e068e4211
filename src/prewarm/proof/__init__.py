"""The proof: loads an entry's processor and model offline, in another process. ``runner.Runner`` does it."""
