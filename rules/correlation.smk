"""Correlation: prices or measured pairs -> split tables -> index of training pairs -> models, metrics."""

from scripts.lib.correlation import settings

CORRELATION_DATA = expand("results/correlation/data/{name}", name=["pairs.parquet", "contracts.parquet", "source.json"])
CORRELATION_SNAPSHOT = multiext("results/correlation/snapshot/", "correlations.parquet", "manifest.json")
CORRELATION_INDEX = ["pairs.json", "manifest.json", "index/index.faiss", "index/manifest.json", "vectors/vectors.npy"]
CORRELATION_GIVEN = config["correlation"]["data"]["path"]
# What each source reads.
CORRELATION_FILES = {
    "sample": [ours(f"scripts/lib/correlation/sample/{name}") for name in ("prices.parquet", "contracts.csv")],
    "prices": sorted(map(str, Path(CORRELATION_GIVEN or ".").glob("*.[cp]*"))) if CORRELATION_GIVEN else [],
    "pairs": CORRELATION_GIVEN or [],
    "database": CORRELATION_GIVEN or CORRELATION_SNAPSHOT,
}[config["correlation"]["data"]["source"]]

# What the environment or a file .env sets over the configuration, under the original's names.
try:
    CORRELATION_ASKED = {key: value for key, value in settings.asked().items() if key != "max_new_tokens"}
except BadInput as error:
    raise WorkflowError(str(error)) from None

# The model, the same by cross-entropy alone at its own best knobs, and the same from the random split.
CORRELATION_TRIED = {
    name: values for name, values in config["correlation"]["tune"]["tried"].items() if name not in CORRELATION_ASKED
}
CORRELATION_ARMS = {
    "model": {"index": "rag", "side": "", "knobs": {}, "tried": CORRELATION_TRIED},
    "ce_only": {
        "index": "rag",
        "side": "",
        "knobs": {"regression_loss_weight": 0.0},
        "tried": {name: values for name, values in CORRELATION_TRIED.items() if not name.startswith("regression")},
    },
    "random": {"index": "rag_random", "side": "--random", "knobs": {}, "tried": {}},
}


# Knobs of an arm's trainings, later layers on top.
CORRELATION_KNOBS = {
    arm: [
        MACHINE,
        *(config["correlation"][layer] for layer in ("model", "head", "train")),
        CORRELATION_ASKED,
        about["knobs"],
    ]
    for arm, about in CORRELATION_ARMS.items()
}

PRODUCTS["correlation"] = "results/correlation/model/reader.json"


rule export_contracts:
    input:
        code=code("export_contracts.py"),
    output:
        CORRELATION_SNAPSHOT,
    log:
        "logs/correlation/export_contracts.log",
    benchmark:
        "logs/correlation/export_contracts.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("correlation", "export"),
    shell:
        run("export_contracts.py") + " {params.args} --out results/correlation/snapshot > {log} 2>&1"


rule prepare_contracts:
    input:
        code=code("prepare_contracts.py"),
        files=CORRELATION_FILES,
    output:
        CORRELATION_DATA,
    log:
        "logs/correlation/prepare_contracts.log",
    benchmark:
        "logs/correlation/prepare_contracts.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        snapshot="--path results/correlation/snapshot" if CORRELATION_FILES == CORRELATION_SNAPSHOT else "",
        args=flags("correlation", "data"),
    shell:
        run("prepare_contracts.py") + " {params.snapshot} {params.args} --out results/correlation/data > {log} 2>&1"


rule index_correlation:
    input:
        code=code("build_correlation_index.py"),
        data=CORRELATION_DATA,
    output:
        expand("results/correlation/{{index}}/{name}", name=CORRELATION_INDEX),
    log:
        "logs/correlation/index_{index}.log",
    benchmark:
        "logs/correlation/index_{index}.benchmark.tsv"
    wildcard_constraints:
        index="rag|rag_random",
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("correlation", "rag"),
        random=lambda wildcards: "--random" if wildcards.index == "rag_random" else "",
    shell:
        run("build_correlation_index.py") + " --data results/correlation/data {params.random} {params.args}"
        " --out results/correlation/{wildcards.index} > {log} 2>&1"


rule tune_correlation:
    input:
        code=code("tune_correlation.py"),
        data=CORRELATION_DATA,
    output:
        "results/correlation/choice_{arm}.json",
    log:
        "logs/correlation/tune_{arm}.log",
    benchmark:
        "logs/correlation/tune_{arm}.benchmark.tsv"
    wildcard_constraints:
        arm="|".join(CORRELATION_ARMS),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        **asks("large", gpus=1),
    params:
        side=lambda wildcards: CORRELATION_ARMS[wildcards.arm]["side"],
        args=lambda wildcards: merged(
            *CORRELATION_KNOBS[wildcards.arm],
            config["correlation"]["rag"],
            config["correlation"]["tune"],
            {"tried": CORRELATION_ARMS[wildcards.arm]["tried"]},
        ),
    shell:
        run("tune_correlation.py") + " --data results/correlation/data {params.side} {params.args}"
        " --state results/correlation/state --name tune_{wildcards.arm} --out {output} > {log} 2>&1"


rule train_correlation:
    input:
        code=code("train_correlation.py"),
        data=CORRELATION_DATA,
        choice="results/correlation/choice_{arm}.json",
        index=lambda wildcards: expand(
            "results/correlation/{index}/{name}",
            index=CORRELATION_ARMS[wildcards.arm]["index"],
            name=CORRELATION_INDEX,
        ),
    output:
        model=multiext("results/correlation/{arm}/", "reader.json", "metrics.json"),
        history="results/correlation/history_{arm}.csv",
    log:
        "logs/correlation/train_{arm}.log",
    benchmark:
        "logs/correlation/train_{arm}.benchmark.tsv"
    wildcard_constraints:
        arm="|".join(CORRELATION_ARMS),
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=PROCESSES, nodes=NODES),
    params:
        index=lambda wildcards: CORRELATION_ARMS[wildcards.arm]["index"],
        side=lambda wildcards: CORRELATION_ARMS[wildcards.arm]["side"],
        args=lambda wildcards: merged(*CORRELATION_KNOBS[wildcards.arm]),
    shell:
        train("train_correlation.py")
        + " --data results/correlation/data --index results/correlation/{params.index} {params.side} {params.args}"
        " --choice {input.choice} --name {wildcards.arm}"
        " --state results/correlation/state --tensorboard results/correlation/tensorboard/{wildcards.arm}"
        " --history {output.history} --out results/correlation/{wildcards.arm} > {log} 2>&1"


rule eval_correlation:
    input:
        code=code("eval_unified.py", "lib/correlation/evaluation.py"),
        schema=ours("config/schemas/metrics.json"),
        data=CORRELATION_DATA,
        models=expand("results/correlation/{arm}/{name}", arm=CORRELATION_ARMS, name=["reader.json", "metrics.json"]),
    output:
        "results/correlation/metrics.json",
    log:
        "logs/correlation/eval_correlation.log",
    benchmark:
        "logs/correlation/eval_correlation.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        args=flags("correlation", "eval"),
    shell:
        run("eval_unified.py") + " correlation --model results/correlation/model --ce-only results/correlation/ce_only"
        " --random-model results/correlation/random --data results/correlation/data {params.args} --split test"
        " --out {output} > {log} 2>&1"
