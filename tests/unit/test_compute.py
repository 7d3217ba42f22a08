"""lib.compute: what was asked for is there or refused, and bf16 is bf16 where it should be."""

import pytest
import torch
from refusals import refused

from lib.compute import Compute
from lib.errors import BadInput


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:1"])
def test_row_25_a_gpu_that_is_not_here(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert refused(Compute, device) == f"device {device}: none here, expected cpu or a machine with a GPU"


def test_row_25_a_gpu_beyond_the_last(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Compute("cuda:1").device == "cuda:1"
    with pytest.raises(BadInput, match="device cuda:2: none here"):
        Compute("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:x", "cuda1", "mps", ""])
def test_row_19_a_device_with_another_name(device):
    with pytest.raises(BadInput, match=f"device {device}: expected cpu, cuda or cuda:1"):
        Compute(device)


def test_row_19_a_precision_with_another_name():
    with pytest.raises(BadInput, match="precision fp16: expected fp32 or bf16"):
        Compute(precision="fp16")


def test_bf16_rounds_matrix_products_and_leaves_float64_and_weights_alone():
    weight = torch.nn.Parameter(torch.full((4, 4), 1 + 2**-10))  # bf16 has 8 bits
    exact = torch.full((4, 4), 1 + 2**-10, dtype=torch.float64)
    with Compute(precision="bf16").autocast():
        product = weight @ torch.eye(4)
        assert (product.dtype, product[0, 0].item()) == (torch.bfloat16, 1.0)
        assert (exact @ torch.eye(4, dtype=torch.float64))[0, 0].item() == 1 + 2**-10
    product.float().sum().backward()
    assert weight.grad is not None
    assert (weight.dtype, weight.grad.dtype) == (torch.float32, torch.float32)


def test_fp32_rounds_nothing():
    with Compute().autocast():
        assert (torch.full((1, 1), 1 + 2**-10) @ torch.eye(1)).item() == 1 + 2**-10
