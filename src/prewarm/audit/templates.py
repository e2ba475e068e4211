"""What chat templates do when they are rendered: in the sandbox that transformers uses. Changes with that sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
_MAX_BYTES = 4 << 20
_INTERNAL = ("_", "f_", "gi_", "cr_", "ag_", "co_", "tb_", "func_", "im_")
"""How attributes are called that lead from a value to the interpreter."""


def in_json(content: bytes) -> Iterator[str]:
    """The templates in a JSON file, as tokenizers and processors hold them."""
    if len(content) > _MAX_BYTES:
        return
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return
    found = said.get("chat_template") if isinstance(said, dict) else None
    for one in found if isinstance(found, list) else [found]:
        text = one.get("template") if isinstance(one, dict) else one
        if isinstance(text, str):
            yield text


def in_gguf(content: bytes) -> Iterator[str]:
    """The template among the keys of a GGUF file."""
    key = b"tokenizer.chat_template"
    at = content.find(key)
    while at >= 0:
        start = at + len(key)
        # The type of a string, its length, its bytes.
        if content[start : start + 4] == b"\x08\x00\x00\x00":
            size = int.from_bytes(content[start + 4 : start + 12], "little")
            yield content[start + 12 : start + 12 + min(size, _MAX_BYTES)].decode("utf-8", errors="replace")
        at = content.find(key, start)


def findings(text: str) -> Iterator[str]:
    """What a template tries that a sandbox refuses. Whoever calls this bounds its time and memory."""
    from jinja2.exceptions import SecurityError, TemplateError  # noqa: PLC0415 (only where there is a template)
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    reached: list[str] = []

    class Watching(ImmutableSandboxedEnvironment):  # type: ignore[misc,unused-ignore]
        def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
            if attribute.startswith(_INTERNAL):
                reached.append(attribute)
            return super().unsafe_undefined(obj, attribute)

    environment = Watching(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    given: dict[str, Any] = {"messages": _MESSAGES, "tools": None, "documents": None, "add_generation_prompt": True}
    given |= {"bos_token": "<s>", "eos_token": "</s>", "strftime_now": lambda _: "", "raise_exception": _refused}
    try:
        environment.from_string(text).render(**given)
    except SecurityError:
        # What it reached for is noted; that it changes a list, which transformers refuses as well, hurts nobody.
        pass
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError, ZeroDivisionError):
        # It wants other messages than these.
        pass
    except (OverflowError, RecursionError):
        yield "a chat template without an end"
    except MemoryError:
        yield "a chat template that takes all memory"
    if reached:
        yield f"a chat template that reaches for the interpreter ({reached[0]})"


def _refused(message: str) -> None:
    raise ValueError(message)
