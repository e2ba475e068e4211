"""The Hub's protocol on the serving side: addresses, answers, origins. For loopback Hub, gateway and mirror.

Standard library only. The routes and headers are those of huggingface.co as its clients rely on them; see
docs/design.md.
"""
