"""Serve a trained model over HTTP: python scripts/serve_correlation.py --port 8000

    curl -d '{"contract_a_title": "Will A win?", "contract_b_title": "Will B win?"}' \\
         -H 'content-type: application/json' localhost:8000/predict-correlation

The model is loaded before the port opens; a model that cannot be loaded is an error, never another model.
"""

from pathlib import Path

import uvicorn

from lib import cli
from lib.compute import Compute
from lib.correlation import model, service, settings


def main() -> None:
    longest = settings.asked().get("max_new_tokens", 256)
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--model", type=Path, default=Path("results/correlation/model"), help="made by train_correlation.py"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    parser.add_argument("--max-new-tokens", type=cli.positive_int, default=longest, help="of the reasoning, at most")
    cli.add_knobs(parser, Compute)
    args = parser.parse_args()

    trained = model.load(args.model, cli.knobs(Compute, args))
    uvicorn.run(service.application(trained, args.model.name, args.max_new_tokens), host=args.host, port=args.port)


if __name__ == "__main__":
    cli.run(main)
