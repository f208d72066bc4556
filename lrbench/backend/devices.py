"""What computes, as far as that can be seen without TensorFlow."""

import os
from pathlib import Path

GPU_FILES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")  # NVIDIA's driver, Windows's in WSL, AMD's


def has_gpu() -> bool:
    """Whether TensorFlow is likely to find a GPU: there is a driver, and CUDA_VISIBLE_DEVICES hides nothing."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return any(Path(file).exists() for file in GPU_FILES)
