"""Run with: pytest --prewarm"""

import os

import torch
from transformers import AutoModel, AutoTokenizer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def vectors(texts):
    batch = AutoTokenizer.from_pretrained(MODEL)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(MODEL).eval()(**batch).pooler_output


def test_a_cat_is_more_like_a_kitten_than_like_a_rate():
    cat, kitten, rate = vectors(["A cat.", "A kitten.", "An interest rate."])
    alike = torch.nn.functional.cosine_similarity
    assert alike(cat, kitten, dim=0) > alike(cat, rate, dim=0)


def test_the_hub_is_not_asked():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
