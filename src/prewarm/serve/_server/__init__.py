"""The server, as it lies in artifacts: one file and its schema."""
