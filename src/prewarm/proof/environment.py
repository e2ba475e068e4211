"""The environment that models and commands are run in. Changes with the variables that the libraries read.

Models' classes get variables that are named here, and no others; a command of the user's gets all but secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from prewarm.records.libraries import HOMES
from prewarm.records.text import without_credentials

_SECRET = re.compile(
    r"(^|_)(TOKEN|TOKENS|KEY|KEYS|APIKEY|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|PWD|CREDENTIAL|CREDENTIALS|COOKIE|AUTH|"
    r"PAT|DSN|BEARER|JWT|NETRC)(_|$)"
)
"""In the name of a variable: its value is nobody's business."""
_OF_CLOUDS = ("AWS_", "AZURE_", "GOOGLE_APPLICATION_", "GCP_", "OCI_", "HF_OIDC_", "WANDB_API", "SSH_", "GPG_", "KUBE")
_HARMLESS = ("PWD", "SSH_TTY", "HF_TOKEN_PATH", "TOKENIZERS_PARALLELISM")
"""They name no secret, whatever their name says."""
_NAMED = (
    "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "COLUMNS", "NO_COLOR", "SYSTEMROOT", "COMSPEC", "WINDIR", "PATHEXT",
    "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TOKENIZERS_PARALLELISM", "NLTK_DATA", "MALLOC_ARENA_MAX",
    "NO_PROXY", "no_proxy", *HOMES.values(),
)  # fmt: skip
_FAMILIES = (
    "LC_", "PYTHON", "CONDA_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "DIFFUSERS_", "SAFETENSORS_", "DISABLE_", "USE_",
    "TORCH", "PYTORCH_", "ATEN_", "CUDA_", "NVIDIA_", "NCCL_", "CUBLAS_", "HIP_", "ROCR_", "ROCM_", "HSA_", "XPU_",
    "ZE_", "SYCL_", "MPS_", "ACCELERATE_", "BITSANDBYTES_", "BNB_", "TRITON_", "XFORMERS_", "FLASH_ATTENTION_", "OMP_",
    "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_", "ONEDNN_", "DNNL_", "ORT_", "CT2_", "TF_",
    "JAX_", "XLA_", "PREWARM_TEST_",
)  # fmt: skip
_FOLDERS = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "NLTK_DATA", "TORCH_HOME", "CUDA_HOME",
    "CUDA_PATH",
)  # fmt: skip
"""Variables of these that name what has to be read."""
_TRUSTED = ("LD_PRELOAD",)
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
    "USE_HUB_KERNELS": "NO",
    "PYTHONFAULTHANDLER": "1",
}


def without_secrets(environ: Mapping[str, str], token: str | None) -> dict[str, str]:
    """The variables that hold no secret, by their names and by their values; addresses without their credentials."""
    return {
        name: without_credentials(value)
        for name, value in environ.items()
        if not _is_secret(name) and not (token and token in value)
    }


def _is_secret(name: str) -> bool:
    upper = name.upper()
    return upper not in _HARMLESS and (_SECRET.search(upper) is not None or upper.startswith(_OF_CLOUDS))


def worker_environment(environ: Mapping[str, str], *, token: str | None, cache: Path, folder: Path) -> dict[str, str]:
    """What models' classes get of the user's environment: offline, and a home of their own.

    Args:
        environ: the user's.
        token: left out wherever it stands in a value.
        cache: where the models are.
        folder: the process's own, with ``home`` and ``tmp``: it holds no token, and takes what is written at home and
            what transformers copies of repositories' code, so that nothing runs that was copied earlier.
    """
    kept = {
        name: value
        for name, value in without_secrets(environ, token).items()
        if name in _NAMED or name.startswith(_FAMILIES)
    }
    return {**kept, **_OFFLINE, **_own(cache, folder, home=folder / "home")}


def command_environment(environ: Mapping[str, str], *, token: str | None, cache: Path, folder: Path) -> dict[str, str]:
    """What a command of the user's gets: all that is no secret, and its own home; offline."""
    return {**without_secrets(environ, token), **_OFFLINE, **_own(cache, folder, home=None)}


def named_folders(environ: Mapping[str, str]) -> list[str]:
    """What the variables that models' classes get name: files and folders to read."""
    found = [part for name in _FOLDERS for part in environ.get(name, "").split(os.pathsep)]
    found += [environ.get(name, "") for name in HOMES.values()]
    found += [part for name in _TRUSTED for part in re.split(r"[\s:]+", environ.get(name, ""))]
    return [name for name in found if name and Path(name).is_absolute()]


def _own(cache: Path, folder: Path, *, home: Path | None) -> dict[str, str]:
    found = {
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN_PATH": str(folder / "no-token"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_DATASETS_CACHE": str(folder / "datasets"),
    }
    if home is not None:
        named = ("HOME", "USERPROFILE", "HF_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR")
        found |= dict.fromkeys(named, str(home))
        found |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))
    return found
