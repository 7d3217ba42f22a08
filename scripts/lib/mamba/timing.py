"""CPU time of one thread: on a shared machine the clock on the wall measures the neighbours."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import faiss
import torch


def cpu_ms(step: Callable[[int], Any], at: int) -> float:
    """CPU milliseconds of this process in `step(at)`."""
    started = time.process_time_ns()
    step(at)
    return (time.process_time_ns() - started) / 1e6


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch and FAISS compute with one thread each."""
    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        faiss.omp_set_num_threads(before[1])
