"""The little pairs, and language models of random weights that write numbers in one token or digit by digit."""

from pathlib import Path

import pytest
from tiny_correlation_training import World
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from lib.compute import Compute
from lib.correlation import prompt, tiny
from lib.correlation.causal import CausalReader


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("little-pairs"))


def by_digits(texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer like Gemma's, Qwen's or SmolLM's: no two digits in one token."""
    bpe = Tokenizer(models.BPE())
    digits, letters = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([digits, letters])
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=600, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<end>")


def texts_of(world: World) -> list[str]:
    """What a tokenizer learns from: often enough the prompts' beginning, so that its words are tokens."""
    return [*world.taught.seen.a_titles, *world.taught.reasonings, *[prompt.PREFIX, "Known: Facts: "] * 50]


@pytest.fixture(scope="session", params=["one token", "two digits"])
def reader(request, world) -> CausalReader:
    """A language model before training."""
    texts = texts_of(world)
    tokenizer = tiny.tokenizer_of(texts) if request.param == "one token" else by_digits(texts)
    return CausalReader(tiny.model_of(tokenizer, seed=1), tokenizer, Compute(), 512)


@pytest.fixture(scope="session")
def base_folder(world, tmp_path_factory) -> Path:
    """A base model as a user has it on disk, to put adapters on."""
    folder = tmp_path_factory.mktemp("base")
    tokenizer = tiny.tokenizer_of(texts_of(world))
    tiny.model_of(tokenizer, seed=2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
