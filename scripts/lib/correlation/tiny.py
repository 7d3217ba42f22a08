"""A small Llama with a tokenizer of its own, for machines without a language model: random weights, 4 million of them.

The tokenizer is a byte-level BPE of the training texts that groups up to three digits like Llama 3's and knows each
of 000 .. 200 as one token, so that the small model writes numbers exactly as the large one does.
"""

from collections.abc import Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .. import seeds

VOCABULARY = 2048
REPEATS = 1000  # of every score in the texts the tokenizer learns from, so that each becomes one token
END, PAD = "<end>", "<pad>"
LETTERS_OR_DIGITS = r"\p{N}{1,3}| ?[^\s\p{N}]+|\s+"


def tokenizer_of(texts: Sequence[str]) -> Any:
    """A tokenizer of `texts` as transformers has them; the same texts give the same tokenizer."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LETTERS_OR_DIGITS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    scores = [f"{score:03d}" for score in range(201)] * REPEATS
    bpe.train_from_iterator([*scores, *texts], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD)


def model_of(tokenizer: Any, seed: int) -> LlamaForCausalLM:
    """A Llama of four layers with initial weights that are a function of the seed."""
    seeds.seed_torch(seed, "tiny llama")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config).eval()
