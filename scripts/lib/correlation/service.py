"""The model behind HTTP: POST /predict-correlation, GET /health. What cannot be answered is a 4xx with the reason."""

import threading
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, StringConstraints

from ..near import normalized
from .model import CorrelationModel

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Question(BaseModel):
    """Two titles; a key that is not here is refused."""

    model_config = ConfigDict(extra="forbid")

    contract_a_title: Title
    contract_b_title: Title
    reasoning: bool = False


def application(model: CorrelationModel, name: str, max_new_tokens: int) -> FastAPI:
    """The app over a loaded model; one question is answered at a time."""
    app = FastAPI(title="Contract correlation")
    one_at_a_time = threading.Lock()

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "model": name, "known_pairs": len(model.rag.metadata)}

    @app.post("/predict-correlation")
    def predict_correlation(question: Question) -> dict[str, Any]:
        a, b = question.contract_a_title, question.contract_b_title
        if not (normalized(a) and normalized(b)):
            raise HTTPException(422, "a title without words, expected what the contract asks")
        if normalized(a) == normalized(b):
            raise HTTPException(422, "both titles say the same, expected two contracts")
        with one_at_a_time:
            (answer,) = model.answers([a], [b], question.reasoning, max_new_tokens)
        return answer.as_dict()

    return app
