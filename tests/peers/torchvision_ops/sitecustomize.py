"""Declares the operators that a torchvision without its compiled part wants to describe: timm needs none of them."""

from __future__ import annotations

import importlib.abc
import sys
from typing import Any

_OPERATORS = ("nms", "qnms")
_kept: list[Any] = []


class _First(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "torchvision" and not _kept:
            from torch import library

            _kept.append(own := library.Library("torchvision", "DEF"))
            for operator in _OPERATORS:
                own.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, _First())
