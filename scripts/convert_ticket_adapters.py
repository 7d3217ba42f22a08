"""Turn adapters that peft saved into a model folder that loads with SentenceTransformer, and check that they act.

Reads adapter_config.json and adapter_model.safetensors, whether peft was wrapped around the transformer or
around the whole SentenceTransformer.
"""

from pathlib import Path

from lib import cli, files
from lib.tickets import legacy, saving

TEXTS = ["VPN drops every morning", "The printer on the third floor jams", "Password reset mail never arrives"]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--adapters", type=Path, required=True, help="folder that peft saved")
    parser.add_argument("--encoder", required=True, help="the base: packaged name, folder or hub id")
    parser.add_argument("--max-length", type=cli.positive_int, default=128, help="tokens of a ticket")
    parser.add_argument(
        "--matryoshka-dims", type=cli.json_value, default=[768, 512, 256, 128, 64], help="widths to cut to, JSON"
    )
    parser.add_argument("--out", type=Path, required=True, help="the model, a SentenceTransformer folder")
    args = parser.parse_args()

    tokenizer, encoder = legacy.load(args.adapters, args.encoder, args.max_length, tuple(args.matryoshka_dims))

    with files.writing(args.out) as temporary:
        saving.save(temporary, encoder, {"weight": 1.0, "adapters_sha256": files.sha256(args.adapters)})
        saving.verify(temporary, encoder, tokenizer, TEXTS)


if __name__ == "__main__":
    cli.run(main)
