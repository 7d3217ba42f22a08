"""The smallest script that uses the whole house: state folder, loop, validation, and three outputs, one a folder."""

import math
import sys
import time
from pathlib import Path

import torch
from torch import nn

from lib import checkpoint, cli, files, seeds, state, training


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--save-seconds", type=float, default=0.0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a step waits")
    parser.add_argument("--poison-at", type=int, help="step whose loss is not a number")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    with state.state_folder(args.state, "tiny", state.identity("../tests/crash/tiny.py", vars(args))) as folder:
        rows = torch.tensor(files.read_json(args.data))  # (n, 9)
        seeds.seed_torch(1, "init")
        model = nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.Dropout(0.2), nn.Linear(64, 1))
        settings = training.Settings(
            args.steps, args.learning_rate, seed=1, save_seconds=args.save_seconds, eval_steps=2
        )

        def loss_of(batch: torch.Tensor) -> torch.Tensor:
            return ((model(batch[:, :8]) - batch[:, 8:]) ** 2).mean()

        def backward(step: int) -> dict[str, float]:
            sys.audit("tiny.step", step)
            time.sleep(args.pause)
            loss = loss_of(rows[seeds.shuffled_epochs(len(rows), 8, 1, "train", step)])
            if step == args.poison_at:
                loss = loss * math.nan
            loss.backward()
            return {"loss": loss.item()}

        history = training.fit(model, backward, settings, folder, lambda: -loss_of(rows).item())

        training.write_history(args.out / "history.csv", history)
        checkpoint.save(args.out / "model.ckpt", model.state_dict(), {"steps": len(history)})
        with files.writing(args.out / "model") as temporary:
            temporary.mkdir()
            files.write_json(temporary / "config.json", {"width": 64})
            checkpoint.save(temporary / "weights.safetensors", model.state_dict(), {})


if __name__ == "__main__":
    cli.run(main)
