"""What a user can ask for, with the real Hub, cache and worker: a module each, named like its command.

``tools`` puts the outside together for them, ``project`` reads what they work on.
"""
