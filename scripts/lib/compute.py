"""Where a run computes and in which precision: asked for, checked, never silently replaced."""

import contextlib
from dataclasses import dataclass

import torch

from .errors import BadInput


@dataclass(frozen=True)
class Compute:
    """`device` is cpu or cuda (or cuda:1); `precision` fp32 or bf16, the type of matrix products."""

    device: str = "cpu"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise BadInput(f"precision {self.precision}: expected fp32 or bf16")
        kind, _, number = self.device.partition(":")
        if kind not in ("cpu", "cuda") or not (number or "0").isdecimal():
            raise BadInput(f"device {self.device}: expected cpu, cuda or cuda:1")
        if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
            raise BadInput(f"device {self.device}: none here, expected cpu or a machine with a GPU")

    def autocast(self) -> contextlib.AbstractContextManager:
        """bf16 matrix products around fp32 weights; float64 (the hyperboloid) is left alone."""
        device = self.device.split(":")[0]
        return torch.autocast(device, torch.bfloat16, enabled=self.precision == "bf16")
