"""Mamba: articles -> chunks -> payload of vectors -> model -> passages, index, metrics."""

MAMBA_DATA = expand("results/mamba/data/{name}", name=["chunks.parquet", "source.json"])
MAMBA_PAYLOAD = multiext("results/mamba/payload/", "vectors.npy", "ids.txt", "chunks.parquet", "manifest.json")
MAMBA_INDEX = multiext("results/mamba/index/", "index.faiss", "ids.txt", "manifest.json")
# What each source reads; packages are part of the environment, the hub has its own cache.
MAMBA_FILES = {
    "wikipedia": data_files("articles/enwiki2018.jsonl.gz"),
    "jsonl": [config["mamba"]["data"]["path"]],
    "folder": [config["mamba"]["data"]["path"]],
}
MAMBA_CHECKPOINT = f"results/mamba/{config['mamba']['variant']}.ckpt"
# What each arm changes of the model and its training. Only the judged one has an early gate: a comparison wants all.
MAMBA_ARMS = {
    **{name: {"variant": name} for name in ("s", "h", "sandwich", "amn")},
    "ar-only": {"contrastive": 0.0, "autoregressive": 1.0},
    "seed": {**SEED["mamba"]["model"], **SEED["mamba"]["train"]},
}
MAMBA_OTHERS = {name: f"results/mamba/{name}.ckpt" for name in MAMBA_ARMS if name != config["mamba"]["variant"]}
MAMBA_SHARDS = range(1, config["mamba"]["shards"] + 1)


MAMBA_KNOBS = {
    name: merged(
        MACHINE,
        *(config["mamba"][layer] for layer in ("model", "train", "smoke")),
        {} if name == config["mamba"]["variant"] else {"smoke_epoch": 0},
        {"variant": config["mamba"]["variant"], **changed},
    )
    for name, changed in MAMBA_ARMS.items()
}

# What both evaluations read and ask, of test articles or, beside the other arms, of validation articles.
MAMBA_EVALUATED = {
    "code": code("eval_unified.py", "lib/mamba/evaluation.py"),
    "schema": ours("config/schemas/metrics.json"),
    "payload": MAMBA_PAYLOAD,
    "checkpoint": MAMBA_CHECKPOINT,
    "baselines": "results/mamba/baselines.ckpt",
    "index": MAMBA_INDEX,
}
MAMBA_ASKED = {
    "machine": machine("device"),
    "args": lambda wildcards: flags("mamba", "eval"),  # {nlist} is no wildcard
}

PRODUCTS["mamba"] = "results/mamba/index/manifest.json"


rule prepare_articles:
    input:
        code=code("prepare_articles.py"),
        files=MAMBA_FILES.get(config["mamba"]["data"]["source"], []),
    output:
        MAMBA_DATA,
    log:
        "logs/mamba/prepare_articles.log",
    benchmark:
        "logs/mamba/prepare_articles.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        folder=f"--folder {shlex.quote(os.path.join(DATA, 'articles'))}" if DATA else "",
        args=flags("mamba", "data"),
    shell:
        run("prepare_articles.py") + " {params.folder} {params.args} --out results/mamba/data > {log} 2>&1"


rule embed_articles:
    input:
        code=code("embed_articles.py"),
        data=MAMBA_DATA,
    output:
        multiext("results/mamba/shards/{shard}-of-{shards}/", "vectors.npy", "ids.txt", "manifest.json"),
    log:
        "logs/mamba/embed_articles_{shard}-of-{shards}.log",
    benchmark:
        "logs/mamba/embed_articles_{shard}-of-{shards}.benchmark.tsv"
    wildcard_constraints:
        shard=r"\d+",
        shards=r"\d+",
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("large", gpus=1),
    params:
        machine=machine("device", "precision"),
        args=flags("mamba", "payload"),
    shell:
        run("embed_articles.py") + " --data results/mamba/data --shard {wildcards.shard} --shards {wildcards.shards}"
        " {params.machine} {params.args} --state results/mamba/state"
        " --out results/mamba/shards/{wildcards.shard}-of-{wildcards.shards} > {log} 2>&1"


rule merge_payload:
    input:
        code=code("merge_payload.py"),
        data=MAMBA_DATA,
        shards=expand(
            "results/mamba/shards/{shard}-of-{shards}/manifest.json", shard=MAMBA_SHARDS, shards=len(MAMBA_SHARDS)
        ),
    output:
        MAMBA_PAYLOAD,
    log:
        "logs/mamba/merge_payload.log",
    benchmark:
        "logs/mamba/merge_payload.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        shards=expand("results/mamba/shards/{shard}-of-{shards}", shard=MAMBA_SHARDS, shards=len(MAMBA_SHARDS)),
    shell:
        run("merge_payload.py") + " {params.shards} --data results/mamba/data --out results/mamba/payload"
        " > {log} 2>&1"


rule fit_baselines:
    input:
        code=code("fit_baselines.py"),
        payload=MAMBA_PAYLOAD,
    output:
        "results/mamba/baselines.ckpt",
    log:
        "logs/mamba/fit_baselines.log",
    benchmark:
        "logs/mamba/fit_baselines.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        args=merged({"seed": config["seed"]}, config["mamba"]["baselines"]),
    shell:
        run("fit_baselines.py") + " --payload results/mamba/payload {params.args} --state results/mamba/state"
        " --out {output} > {log} 2>&1"


rule export_windows:
    input:
        code=code("export_windows.py"),
        payload=MAMBA_PAYLOAD,
    output:
        "results/mamba/windows.{split}.npz",
    log:
        "logs/mamba/export_windows.{split}.log",
    benchmark:
        "logs/mamba/export_windows.{split}.benchmark.tsv"
    wildcard_constraints:
        split="train|validation|test",
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("mamba", "windows"),
    shell:
        run("export_windows.py") + " --payload results/mamba/payload --split {wildcards.split} {params.args}"
        " --out {output} > {log} 2>&1"


rule train_mamba_contrastive:
    input:
        code=code("train_mamba_contrastive.py"),
        payload=MAMBA_PAYLOAD,
    output:
        checkpoint=ensure("results/mamba/{arm}.ckpt", non_empty=True),
        history="results/mamba/{arm}.history.csv",
        epochs="results/mamba/{arm}.history.json",
        smoke="results/mamba/{arm}.smoke_gate.json",
    log:
        "logs/mamba/train_mamba_contrastive.{arm}.log",
    benchmark:
        "logs/mamba/train_mamba_contrastive.{arm}.benchmark.tsv"
    wildcard_constraints:
        arm="|".join(MAMBA_ARMS),
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=PROCESSES, nodes=NODES),
    params:
        args=lambda wildcards: MAMBA_KNOBS[wildcards.arm],
    shell:
        train("train_mamba_contrastive.py") + " --payload results/mamba/payload --name {wildcards.arm} {params.args}"
        " --state results/mamba/state --history {output.history}"
        " --tensorboard results/mamba/tensorboard/{wildcards.arm} --epochs-out {output.epochs}"
        " --smoke-out {output.smoke} --out {output.checkpoint} > {log} 2>&1"


rule embed_passages:
    input:
        code=code("embed_passages.py"),
        payload=MAMBA_PAYLOAD,
        checkpoint=MAMBA_CHECKPOINT,
    output:
        passages=multiext("results/mamba/passages/", "vectors.npy", "ids.txt", "manifest.json"),
        queries=multiext("results/mamba/queries/", "vectors.npy", "ids.txt", "manifest.json"),
    log:
        "logs/mamba/embed_passages.log",
    benchmark:
        "logs/mamba/embed_passages.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=1),
    params:
        args=machine("device", "seed"),
    shell:
        run("embed_passages.py") + " --checkpoint {input.checkpoint} --payload results/mamba/payload {params.args}"
        " --queries results/mamba/queries --out results/mamba/passages > {log} 2>&1"


rule index_mamba:
    input:
        code=code("build_faiss_index.py"),
        passages=rules.embed_passages.output.passages,
        queries=rules.embed_passages.output.queries,
    output:
        MAMBA_INDEX,
    log:
        "logs/mamba/index_mamba.log",
    benchmark:
        "logs/mamba/index_mamba.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=lambda wildcards: flags("mamba", "index"),  # {nlist} is no wildcard
    shell:
        run("build_faiss_index.py") + " --vectors results/mamba/passages --queries results/mamba/queries {params.args}"
        " --out results/mamba/index > {log} 2>&1"


rule eval_mamba:
    input:
        **MAMBA_EVALUATED,
        windows="results/mamba/windows.test.npz",
    output:
        "results/mamba/metrics.json",
    log:
        "logs/mamba/eval_mamba.log",
    benchmark:
        "logs/mamba/eval_mamba.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=1),
    params:
        **MAMBA_ASKED,
        split="test",
        others="",
    shell:
        run("eval_unified.py") + " mamba --checkpoint {input.checkpoint} --eval-npz {input.windows}"
        " --payload results/mamba/payload --faiss results/mamba/index --baselines {input.baselines}"
        " {params.others} {params.machine} {params.args} --split {params.split} --out {output} > {log} 2>&1"


# The variants of the model, the regression alone and the original's recipe, side by side on validation articles.
# Not part of the default run: snakemake results/mamba/arms.md


use rule eval_mamba as eval_mamba_arms with:
    input:
        **MAMBA_EVALUATED,
        windows="results/mamba/windows.validation.npz",
        others=MAMBA_OTHERS.values(),
    output:
        "results/mamba/arms.metrics.json",
    log:
        "logs/mamba/eval_mamba_arms.log",
    benchmark:
        "logs/mamba/eval_mamba_arms.benchmark.tsv"
    params:
        **MAMBA_ASKED,
        split="validation",
        others=lambda wildcards: f"--others {shlex.quote(json.dumps(MAMBA_OTHERS))}",


rule report_mamba_arms:
    input:
        code=code("report_mamba_arms.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics="results/mamba/arms.metrics.json",
    output:
        "results/mamba/arms.md",
    log:
        "logs/mamba/report_mamba_arms.log",
    benchmark:
        "logs/mamba/report_mamba_arms.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        judged=lambda wildcards: config["mamba"]["variant"],
    shell:
        run("report_mamba_arms.py") + " --metrics {input.metrics} --model {params.judged} --out {output} > {log} 2>&1"
