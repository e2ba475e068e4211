"""A model's inputs to its outputs, where the model is loaded: for samples, and for what is served.

``ask`` answers questions; ``tasks`` says what a class does. torch and transformers are imported when it is asked.
"""

from prewarm.runners.ask import ask
from prewarm.runners.question import Keys, Question, read_question

__all__ = ["Keys", "Question", "ask", "read_question"]
