"""What runs inside of the worker: it inspects and loads. Imports transformers and torch when it is called."""
