"""The scan on a GPU, by the Triton kernels of mamba-ssm."""

from types import ModuleType

from torch import Tensor

from ..errors import BadInput


def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk_size: int) -> Tensor:
    """As ssd.scan, which the GPU tests compare it with."""
    return load().mamba_chunk_scan_combined(x, dt, A, B.unsqueeze(2), C.unsqueeze(2), chunk_size)


def load() -> ModuleType:
    """The kernels; BadInput when mamba-ssm or what it needs is not installed."""
    try:
        from mamba_ssm.ops.triton import ssd_combined
    except ImportError as error:
        raise BadInput(f"device cuda: the kernels of mamba-ssm cannot be imported ({error}), expected them") from None
    return ssd_combined
