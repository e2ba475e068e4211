"""One repository with the weights of every framework, as many of the most used have them."""

from __future__ import annotations

from bench import table
from bench.figures import Figures, Plot, Series
from bench.measure import MB, about, as_rows, median, turns
from bench.peers import BESIDE, chosen, explained, over_http
from bench.repositories import bert, random_file
from bench.scenarios import Asked
from prewarm.localhub import LocalHub, Repository

COPIES = (
    "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "onnx/model.onnx",
    "onnx/model_fp16.onnx", "onnx/model_quantized.onnx", "openvino/openvino_model.bin", "model-Q4_K_M.gguf",
    "coreml/weights.bin",
)  # fmt: skip


def run(asked: Asked) -> Figures:
    """A BERT of 20 MB, and ten copies for others."""
    source = bert(asked.folder, 305 if asked.quick else 25_000)
    size = (source / "model.safetensors").stat().st_size
    repository = Repository(repo_id="bench/every-format")
    own = {path.name: path for path in source.iterdir()}
    copies = {name: random_file(asked.folder / "copies" / name.replace("/", "-"), size) for name in COPIES}
    repository.commit({**own, **copies, "README.md": b"# Every format\n"})
    peers = over_http(chosen(asked.peers, models=True))
    with LocalHub([repository], round_trip_s=0.02, bytes_per_s=20 * MB) as hub:
        runs = turns(peers, hub, [repository.repo_id], case="every format", rounds=asked.rounds, loads=True)
    names = [peer.name for peer in peers]
    megabytes = [median([one for one in runs if one.peer == name], "sent_bytes") / MB for name in names]
    return Figures(
        scenario="formats",
        setting=f"a BERT with {size / MB:.0f} MB of safetensors, and {len(COPIES)} further files of that size for other "
        f"frameworks; 20 ms, 20 MB/s per connection; medians of {asked.rounds} rounds.",
        about=about("transformers", "torch"),
        columns=table.COLUMNS,
        rows=table.rows(runs, BESIDE),
        notes=explained(peers),
        runs=as_rows(runs),
        plots=[
            Plot(
                name="formats-bytes", title="Bytes for one model that has the weights of every framework", x="", y="MB",
                kind="bars", labels=names, series=[Series(name="MB from the Hub", x=(), y=megabytes)],
            )
        ],
    )  # fmt: skip
