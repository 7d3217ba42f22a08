"""Tickets: source -> split tables -> pairs in three phases -> adapters, index, metrics."""

TICKETS_DATA = expand("results/tickets/data/{name}", name=["tickets.parquet", "foreign.parquet", "source.json"])
# What each source reads; the packaged one is part of the environment.
TICKETS_FILES = {
    "incidents": [],
    "files": config["tickets"]["data"]["files"] or [],
    "banking77": data_files("tickets/banking77/train.csv", "tickets/banking77/test.csv"),
    "clinc150": data_files("tickets/clinc150/data_full.json"),
}
TICKETS_MODEL = ["model.safetensors", "config.json", "modules.json", "training.json"]
TICKETS_KNOBS = [config["tickets"][layer] for layer in ("encoder", "model", "train", "retention", "probe", "head")]
# Compared side by side on validation, all with equally many steps: snakemake results/tickets/arms.md --cores 2
TICKETS_ARMS = {
    "curriculum": {"curriculum": "curriculum"},
    "shuffled": {"curriculum": "shuffled"},
    "hard_only": {"curriculum": "hard_only"},
    "last_layer": {"lower_layers": 0.0},
    "seed": {knob: value for layer in SEED["tickets"].values() for knob, value in layer.items()},
}

PRODUCTS["tickets"] = "results/tickets/index/manifest.json"


rule prepare_tickets:
    input:
        code=code("prepare_tickets.py"),
        files=TICKETS_FILES[config["tickets"]["data"]["source"]],
    output:
        TICKETS_DATA,
    log:
        "logs/tickets/prepare_tickets.log",
    benchmark:
        "logs/tickets/prepare_tickets.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        folder=f"--folder {shlex.quote(os.path.join(DATA, 'tickets'))}" if DATA else "",
        args=flags("tickets", "data"),
    shell:
        run("prepare_tickets.py") + " {params.folder} {params.args} --out results/tickets/data > {log} 2>&1"


rule build_ticket_pairs:
    input:
        code=code("build_ticket_pairs.py"),
        data=TICKETS_DATA,
    output:
        "results/tickets/pairs.json",
    log:
        "logs/tickets/build_ticket_pairs.log",
    benchmark:
        "logs/tickets/build_ticket_pairs.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("tickets", "pairs"),
    shell:
        run("build_ticket_pairs.py") + " --data results/tickets/data {params.args} --out {output} > {log} 2>&1"


rule train_tickets:
    input:
        code=code("train_tickets.py"),
        data=TICKETS_DATA,
        pairs="results/tickets/pairs.json",
    output:
        model=expand("results/tickets/model/{name}", name=TICKETS_MODEL),
        history="results/tickets/history.csv",
    log:
        "logs/tickets/train_tickets.log",
    benchmark:
        "logs/tickets/train_tickets.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=PROCESSES, nodes=NODES),
    params:
        folder=lambda wildcards, output: str(Path(output.history).parent),
        args=merged(MACHINE, *TICKETS_KNOBS),
    shell:
        train("train_tickets.py") + " --data results/tickets/data --pairs {input.pairs} {params.args}"
        " --state {params.folder}/state --tensorboard {params.folder}/tensorboard"
        " --history {output.history} --out {params.folder}/model > {log} 2>&1"


rule eval_tickets:
    input:
        code=code("eval_unified.py", "lib/tickets/evaluation.py"),
        schema=ours("config/schemas/metrics.json"),
        data=TICKETS_DATA,
        pairs="results/tickets/pairs.json",
        model=rules.train_tickets.output.model,
    output:
        "results/tickets/metrics.json",
    log:
        "logs/tickets/eval_tickets.log",
    benchmark:
        "logs/tickets/eval_tickets.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
        split="test",
        args=flags("tickets", "eval"),
    shell:
        run("eval_unified.py") + " tickets --model {params.model} --data results/tickets/data"
        " --pairs {input.pairs} {params.args} --split {params.split} --out {output} > {log} 2>&1"


rule embed_tickets:
    input:
        code=code("embed_tickets.py"),
        data=TICKETS_DATA,
        model=rules.train_tickets.output.model,
    output:
        multiext("results/tickets/vectors/", "vectors.npy", "ids.txt", "manifest.json"),
    log:
        "logs/tickets/embed_tickets.log",
    benchmark:
        "logs/tickets/embed_tickets.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        args=flags("tickets", "embed"),
    shell:
        run("embed_tickets.py") + " --model results/tickets/model --data results/tickets/data {params.args}"
        " --out results/tickets/vectors > {log} 2>&1"


rule index_tickets:
    input:
        code=code("build_faiss_index.py"),
        vectors=rules.embed_tickets.output,
    output:
        multiext("results/tickets/index/", "index.faiss", "ids.txt", "manifest.json"),
    log:
        "logs/tickets/index_tickets.log",
    benchmark:
        "logs/tickets/index_tickets.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("tickets", "index"),
    shell:
        run("build_faiss_index.py") + " --vectors results/tickets/vectors {params.args} --out results/tickets/index"
        " > {log} 2>&1"


use rule train_tickets as train_tickets_arm with:
    output:
        model=expand("results/tickets/arms/{{arm}}/model/{name}", name=TICKETS_MODEL),
        history="results/tickets/arms/{arm}/history.csv",
    log:
        "logs/tickets/train_tickets_arm_{arm}.log",
    benchmark:
        "logs/tickets/train_tickets_arm_{arm}.benchmark.tsv"
    params:
        folder=lambda wildcards, output: str(Path(output.history).parent),
        args=lambda wildcards: merged(MACHINE, *TICKETS_KNOBS, TICKETS_ARMS[wildcards.arm]),


use rule eval_tickets as eval_tickets_arm with:
    input:
        code=code("eval_unified.py", "lib/tickets/evaluation.py"),
        schema=ours("config/schemas/metrics.json"),
        data=TICKETS_DATA,
        pairs="results/tickets/pairs.json",
        model=expand("results/tickets/arms/{{arm}}/model/{name}", name=TICKETS_MODEL),
    output:
        "results/tickets/arms/{arm}.metrics.json",
    log:
        "logs/tickets/eval_tickets_arm_{arm}.log",
    benchmark:
        "logs/tickets/eval_tickets_arm_{arm}.benchmark.tsv"
    params:
        model=lambda wildcards, input: str(Path(input.model[0]).parent),
        split="validation",
        args=flags("tickets", "eval"),


rule report_ticket_arms:
    input:
        code=code("report_arms.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics=expand("results/tickets/arms/{arm}.metrics.json", arm=TICKETS_ARMS),
    output:
        "results/tickets/arms.md",
    log:
        "logs/tickets/report_ticket_arms.log",
    benchmark:
        "logs/tickets/report_ticket_arms.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        columns=shlex.quote(json.dumps([["map", "masked"], ["map", "masked at 64 dims"], ["forgetting", "foreign"]])),
    shell:
        run("report_arms.py") + " --metrics {input.metrics} --columns {params.columns} --out {output} > {log} 2>&1"
