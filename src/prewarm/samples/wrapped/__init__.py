"""A folder with a model and the class that runs it, as onboarding systems take it.

``look`` reads the folder; ``environment`` says how what it requires is installed; ``_run`` is what is run there;
``judged`` looks at what that says.
"""

from prewarm.samples.wrapped.environment import Installing, installing
from prewarm.samples.wrapped.folder import Folder, look
from prewarm.samples.wrapped.judged import Given, judged

__all__ = ["Folder", "Given", "Installing", "installing", "judged", "look"]
