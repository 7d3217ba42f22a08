"""How long a number takes, and how long a whole answer: for the log, because clocks never say the same twice."""

import time

import numpy as np

from .dataset import Asked
from .model import CorrelationModel


def said(trained: CorrelationModel, asked: Asked) -> str:
    """Median milliseconds of pairs asked one by one; a blank at its end makes a title new to every cache."""
    numbers, answers = [], []
    for a, b, *_ in zip(*asked):
        start = time.perf_counter()
        trained.predict([a + " "], [b + " "])
        numbers.append(time.perf_counter() - start)
        trained.answers([a + "  "], [b + "  "], reasoning=True)
        answers.append(time.perf_counter() - start - numbers[-1])
    number, answer = (1000 * float(np.median(seconds)) for seconds in (numbers, answers))
    return f"latency of {len(numbers)} new pairs, one by one: number {number:.0f} ms, whole answer {answer:.0f} ms"
