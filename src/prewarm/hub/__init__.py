"""The Hub: listings and files, inside its limits. The only package that names huggingface_hub or an HTTP library.

``client.Client`` asks it; ``offline.OfflineHub`` stands where nothing may be asked.
"""
