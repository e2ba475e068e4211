"""Run by an interpreter that has oracle-ads: what it says of an artifact, as JSON on the last line.

python oracle_verify.py FOLDER SCRATCH
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

folder, scratch = Path(sys.argv[1]), Path(sys.argv[2])
# ads wants an account even for what needs none: one of its own, that opens nothing.
key = scratch / "key.pem"
subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
config = scratch / "config"
config.write_text(
    f"[DEFAULT]\nuser=ocid1.user.oc1..a\nfingerprint={':'.join(['00'] * 16)}\ntenancy=ocid1.tenancy.oc1..a\n"
    f"region=us-ashburn-1\nkey_file={key}\n"
)
config.chmod(0o600)
os.environ["OCI_CONFIG_FILE"] = str(config)
os.environ["HOME"] = str(scratch)
(scratch / ".oci").mkdir(exist_ok=True)
(scratch / ".oci" / "config").write_text(config.read_text())
(scratch / ".oci" / "config").chmod(0o600)

import ads
from ads.model.generic_model import GenericModel
from ads.model.model_artifact_boilerplate.artifact_introspection_test import model_artifact_validate

ads.set_auth("api_key", oci_config_location=str(config))


def nobody_there() -> None:
    """Whether the environment's path exists is asked of Oracle's storage, which cannot be reached: after 88 s."""
    raise OSError("offline")


model_artifact_validate.get_object_storage_client = nobody_there
is_valid, said = model_artifact_validate.validate_artifact(str(folder))
tests = {name: test.get("success") for name, test in model_artifact_validate.TESTS.items()}
model = GenericModel.from_model_artifact(
    uri=str(folder), model_file_name="model.onnx", artifact_dir=str(scratch / "artifact"), force_overwrite=True,
    ignore_conda_error=True,
)  # fmt: skip
texts = json.loads(sys.argv[3])
answer = model.verify({"input": texts, "model": "minilm"})
refused = model.verify({"input": texts, "model": "minilm", "dimensions": 0})
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "transformers", "prewarm", "starlette"})
told = {"valid": is_valid, "said": said, "tests": tests, "answer": answer, "refused": refused, "loaded": loaded}
sys.stdout.write(json.dumps({**told, "ads": ads.__version__}) + "\n")
