"""Embeds sentences with all-MiniLM-L6-v2, from a model that the image has."""

from contextlib import asynccontextmanager

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModel, AutoTokenizer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
loaded = {}


@asynccontextmanager
async def lifespan(app):
    loaded["tokenizer"] = AutoTokenizer.from_pretrained(MODEL)
    loaded["model"] = AutoModel.from_pretrained(MODEL).eval()
    yield


app = FastAPI(lifespan=lifespan)


class Texts(BaseModel):
    texts: list[str]


@app.post("/embed")
def embed(asked: Texts):
    batch = loaded["tokenizer"](asked.texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        tokens = loaded["model"](**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    vectors = torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1), dim=1)
    return {"vectors": vectors.tolist()}
