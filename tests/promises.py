"""Promises: the line of source that keeps each, what somebody might write by mistake, the tests that should fall."""

from typing import NamedTuple


class Promise(NamedTuple):
    """What is promised, the file and text that keep it, the text that breaks it, and the tests that should fall."""

    says: str
    file: str
    kept: str
    broken: str
    tests: str


PROMISES = (
    Promise(
        "the regression loss reaches the logits",
        "scripts/lib/correlation/losses.py",
        "(expected, truth.expand_as(expected))",
        "(expected.detach(), truth.expand_as(expected))",
        "tests/unit/correlation/test_numbers.py tests/unit/correlation/test_train_correlation.py",
    ),
    Promise(
        "adapters that nothing applies stop the run",
        "scripts/lib/tickets/saving.py",
        "if moved <= TOLERANCE:",
        "if moved < 0:",
        "tests/faults/test_tickets_training.py",
    ),
    Promise(
        "gates are measured on the test split",
        "rules/naics.smk",
        "--data results/naics/data --split test",
        "--data results/naics/data --split validation",
        "tests/workflow/test_splits.py",
    ),
    Promise(
        "windows of training articles do not judge",
        "scripts/lib/mamba/evaluation.py",
        "inside = targets[articles.splits[targets] == args.split]",
        "inside = targets",
        "tests/unit/mamba/test_mamba_evaluation.py",
    ),
    Promise(
        "a text on both sides of the split is refused",
        "scripts/lib/naics/leaks.py",
        "    if both:",
        "    if len(both) > len(seen):",
        "tests/unit/naics/test_leaks.py",
    ),
    Promise(
        "pairs made of tickets that judge are refused",
        "scripts/lib/tickets/leaks.py",
        "    if leaked:",
        "    if not taught:",
        "tests/faults/test_tickets_training.py tests/unit/tickets/test_evaluation.py",
    ),
    Promise(
        "a query does not find itself",
        "scripts/lib/tickets/retrieval.py",
        "scores[np.arange(len(rows)), rows] = -np.inf",
        "scores[np.arange(len(rows)), rows] += 0.0",
        "tests/unit/tickets/test_retrieval.py",
    ),
    Promise(
        "a pair is not told the answer of one that shares a contract",
        "scripts/lib/correlation/rag.py",
        "if not self.keys[row] & keys",
        "if self.keys[row] or not keys",
        "tests/unit/correlation/test_rag.py",
    ),
    Promise(
        "one schedule over all phases",
        "scripts/lib/training.py",
        "    warmup, hold = settings.warmup_ratio * settings.steps",
        "    step %= max(1, settings.steps // 3)\n    warmup, hold = settings.warmup_ratio * settings.steps",
        "tests/unit/test_rate.py",
    ),
    Promise(
        "no two pairs of a batch share a label",
        "scripts/lib/tickets/sampler.py",
        "size=size, replace=False, p=share",
        "size=size, replace=True, p=share",
        "tests/unit/tickets/test_sampler.py",
    ),
    Promise(
        "rows of label 0 are never positives",
        "scripts/lib/tickets/pairs.py",
        'kept = [dict(row) for row in rows if row["labels"] == 1]',
        "kept = [dict(row) for row in rows]",
        "tests/unit/tickets/test_pairs.py",
    ),
    Promise(
        "the slice that decides hides a ticket's own label",
        "scripts/lib/tickets/evaluation.py",
        "for texts in (tickets.masked, tickets.texts))",
        "for texts in (tickets.texts, tickets.texts))",
        "tests/unit/tickets/test_evaluation.py",
    ),
    Promise(
        "resume restores the optimizer",
        "scripts/lib/progress.py",
        '        checkpoint.restore_optimizer(optimizer, parts["optimizer"])\n',
        "",
        "tests/unit/test_training.py",
    ),
    Promise(
        "told to stop, a run saves first",
        "scripts/lib/training.py",
        "if stop or time.monotonic() - saved",
        "if time.monotonic() - saved",
        "tests/unit/test_training.py tests/crash/test_stop.py",
    ),
    Promise(
        "a loss that is not finite stops before the update",
        "scripts/lib/training.py",
        'if not (math.isfinite(row["loss"]) and torch.isfinite(norm)):',
        'if math.isnan(row["loss"]) and math.isfinite(norm):',
        "tests/unit/test_training.py",
    ),
    Promise(
        "a file that is there is whole",
        "scripts/lib/files.py",
        "    with writing(path) as temporary:\n        temporary.write_bytes(content)",
        "    Path(path).parent.mkdir(parents=True, exist_ok=True)\n    Path(path).write_bytes(content)",
        "tests/unit/test_files.py",
    ),
    Promise(
        "one run at a time in a folder",
        "scripts/lib/state.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/unit/test_state.py",
    ),
    Promise(
        "a damaged checkpoint is refused",
        "scripts/lib/checkpoint.py",
        '!= about.get("sha256"):',
        "== about:",
        "tests/unit/test_checkpoint.py",
    ),
    Promise(
        "a damaged array or index is refused",
        "scripts/lib/vectors.py",
        "if sha256(folder / name) != ",
        "if None == ",
        "tests/unit/test_vectors.py",
    ),
    Promise(
        "a state never meets other code",
        "scripts/lib/state.py",
        "[code_hash(script), values, environment(), parallel.world()]",
        "[values, environment(), parallel.world()]",
        "tests/unit/test_state.py tests/crash/test_stop.py",
    ),
    Promise(
        "randomness is a function of the step",
        "scripts/lib/seeds.py",
        'f"{seed}:{purpose}:{step}"',
        'f"{seed}:{purpose}"',
        "tests/unit/test_seeds.py",
    ),
    Promise(
        "a lead within noise does not pass",
        "scripts/lib/gates.py",
        'if kind == "min_gain" and baseline["interval"][0] <= 0:',
        'if kind == "min_gain" and baseline["difference"] <= 0:',
        "tests/unit/test_gates.py",
    ),
    Promise(
        "a missing baseline blocks",
        "scripts/lib/gates.py",
        'and (kind == "min_gain" or not check["advisory"]):',
        'and kind == "min_gain":',
        "tests/unit/test_gates.py",
    ),
    Promise(
        "a blocked gate stops the workflow",
        "scripts/verdict.py",
        "        raise SystemExit(BUG)\n",
        "        return\n",
        "tests/unit/test_verdict.py",
    ),
    Promise(
        "intervals are drawn over groups",
        "scripts/lib/metrics.py",
        "np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)",
        "np.unique(np.arange(len(values)), return_inverse=True)",
        "tests/unit/test_metrics.py",
    ),
    Promise(
        "held-out families take no part in training",
        "scripts/lib/naics/curriculum.py",
        "& ~r.held_out & ~r.held_out[:, None]",
        "& ~r.held_out[:, None]",
        "tests/unit/naics/test_triplets.py",
    ),
    Promise(
        "points lie on the hyperboloid",
        "scripts/lib/naics/lorentz.py",
        "time = (1 / c + space",
        "time = (1 + space",
        "tests/unit/naics/test_lorentz.py",
    ),
    Promise(
        "a passage sees nothing that comes later",
        "scripts/lib/mamba/ssd.py",
        ".masked_fill(later, -torch.inf).exp()",
        ".masked_fill(later, 0.0).exp()",
        "tests/unit/mamba/test_ssd.py",
    ),
    Promise(
        "an index of another model is refused",
        "scripts/lib/index.py",
        'if self.manifest.get("model_sha256") != sha256(model):',
        'if self.manifest.get("model_sha256") is None:',
        "tests/unit/tickets/test_predict_tickets.py",
    ),
    Promise(
        "no password is printed",
        "scripts/lib/correlation/database.py",
        'return said.replace(str(url.password), "***") if url.password else said',
        'return f"{said} ({url.render_as_string(hide_password=False)})"',
        "tests/unit/correlation/test_database.py",
    ),
    Promise(
        "an edit reruns what imports it",
        "scripts/lib/provenance.py",
        "            queue.extend(_local_imports(file))\n",
        "",
        "tests/unit/test_provenance.py",
    ),
    Promise(
        "an edit reruns nothing else",
        "scripts/lib/config.py",
        "for key in sorted(given))",
        "for key in given)",
        "tests/unit/test_config.py",
    ),
    Promise(
        "nothing runs a file's content",
        "scripts/gate.py",
        "from pathlib import Path\n",
        "import pickle\nfrom pathlib import Path\n",
        "tests/test_architecture.py",
    ),
)
