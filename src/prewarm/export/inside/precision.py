"""A graph with smaller weights. Changes with onnxruntime's tools for these.

float16 by onnxruntime's converter: onnxconverter_common's (1.16) writes graphs that onnxruntime refuses. int8 with a
scale a channel: with one a tensor embeddings of MiniLM keep a cosine of 0.77 in the worst case, instead of 0.98.
"""

from __future__ import annotations

from pathlib import Path

from prewarm.export.inside.convert import save
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
    import onnx_ir

    reduced = path.with_name(f"{path.stem}.reduced.onnx")
    beside = path.with_name(f"{reduced.name}.data")
    kept = {one.key: one.value for one in onnx.load(path, load_external_data=False).metadata_props}
    try:
        if dtype == "float16":
            from onnxruntime.transformers.float16 import convert_float_to_float16

            made = convert_float_to_float16(onnx.load(path), keep_io_types=True)
            onnx.save(made, reduced, save_as_external_data=True, location=beside.name)
        else:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(
                path, reduced, per_channel=True, weight_type=QuantType.QInt8, use_external_data_format=True
            )
        program = onnx_ir.load(reduced)
        onnx_ir.external_data.load_to_model(program)
        program.metadata_props.update(kept)
        path.with_name(f"{path.name}.data").unlink(missing_ok=True)
        save(program, path)
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise Refused("export-error", f"it cannot be had as {dtype}: {said}", 'dtype = "float32"') from error
    finally:
        reduced.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
