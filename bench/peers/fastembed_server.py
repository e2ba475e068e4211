"""fastembed behind the least server that there is, as it has none: python fastembed_server.py FOLDER --port N."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TextEmbedding.add_custom_model(
    model="own", pooling=PoolingType.MEAN, normalization=True, sources=ModelSource(hf="org/own"), dim=384,
    model_file="model.onnx",
)  # fmt: skip
model = TextEmbedding("own", specific_model_path=sys.argv[1])


async def embeddings(request: Request) -> JSONResponse:
    body = await request.json()
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    found: list[Any] = await run_in_threadpool(lambda: [one.tolist() for one in model.embed(texts)])
    return JSONResponse({"data": [{"index": at, "embedding": one} for at, one in enumerate(found)]})


if __name__ == "__main__":
    app = Starlette(routes=[Route("/v1/embeddings", embeddings, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[3]), log_level="warning", access_log=False)
