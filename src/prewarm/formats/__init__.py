"""What a run shows, one module per form: JSON, table, live lines, plain lines."""
