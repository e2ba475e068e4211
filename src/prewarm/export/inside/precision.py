"""A graph with smaller weights. Changes with onnxruntime's tools for these.

float16 by onnxruntime's converter: onnxconverter_common's (1.16) writes graphs that onnxruntime refuses. int8 with a
scale a channel: with one a tensor embeddings of MiniLM keep a cosine of 0.77 in the worst case, instead of 0.98.
"""

from __future__ import annotations

from pathlib import Path

from prewarm.records.export import Precision
from prewarm.worker.refused import Refused

INT8_NOTE = (
    "int8 has one scale for the activations of a whole batch: what a text gives depends on what it is batched with"
)


def reduce(path: Path, dtype: Precision) -> None:
    """Write the weights of the graph at ``path`` anew.

    Raises:
        Refused: the tools do not take it.
    """
    import onnx

    beside = path.with_name(f"{path.name}.data")
    reduced = path.with_name(f"{path.stem}.reduced.onnx")
    try:
        if dtype == "float16":
            from onnxruntime.transformers.float16 import convert_float_to_float16

            onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), reduced)
        else:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            kept = {one.key: one.value for one in onnx.load(path, load_external_data=False).metadata_props}
            quantize_dynamic(path, reduced, per_channel=True, weight_type=QuantType.QInt8)
            made = onnx.load(reduced)
            onnx.helper.set_model_props(made, kept)
            onnx.save(made, reduced)
    except Exception as error:
        reduced.unlink(missing_ok=True)
        said = " ".join(str(error).split())[:200]
        raise Refused("export-error", f"it cannot be had as {dtype}: {said}", 'dtype = "float32"') from error
    beside.unlink(missing_ok=True)
    reduced.replace(path)
