"""The command line. The only package that reads arguments and the environment, and that puts the others together."""
