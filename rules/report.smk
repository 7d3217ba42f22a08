"""What people read: pictures, a model card a pipeline, one page for all. A blocked gate has its report too."""

REPORTED = list(dict.fromkeys([*config["pipelines"], *config["reported"]]))
# What the page shows of a pipeline: of each the same, and what one has of its own.
PICTURES = {
    "mamba": ["gates", "index", "losses", "pools"],
    "naics": ["gates", "losses"],
    "tickets": ["gates", "losses", "quality"],
    "correlation": ["agreement", "gates", "losses"],
}
WITH_STAGES = config["naics"]["report_stages"] and "naics" in REPORTED
STAGES = expand("results/naics/stage{n}.metrics.json", n=[1, 2, 3]) if WITH_STAGES else []
HISTORIES = {
    "mamba": [f"results/mamba/{config['mamba']['variant']}.history.csv"],
    "naics": expand("results/naics/stage{n}.history.csv", n=[1, 2, 3]),
    "tickets": ["results/tickets/history.csv"],
    "correlation": expand("results/correlation/history_{arm}.csv", arm=["model", "ce_only", "random"]),
}
if config["naics"]["model"]["geometry"] == "lorentz":  # flat points have no disk
    PICTURES["naics"].append("tree")


rule report_curves:
    input:
        code=code("report_curves.py"),
        histories=lambda wildcards: HISTORIES[wildcards.pipeline],
    output:
        report(
            "results/{pipeline}/pictures/losses.svg",
            category="{pipeline}",
            labels={"picture": "what training logged"},
        ),
    log:
        "logs/{pipeline}/report_curves.log",
    benchmark:
        "logs/{pipeline}/report_curves.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_curves.py") + " --history {input.histories} --out {output} > {log} 2>&1"


rule report_disk_naics:
    input:
        code=code("report_disk.py"),
        points=NAICS_POINTS,
        taxonomy="results/naics/data/taxonomy.parquet",
    output:
        report("results/naics/pictures/tree.svg", category="naics", labels={"picture": "the learnt tree"}),
    log:
        "logs/naics/report_disk.log",
    benchmark:
        "logs/naics/report_disk.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_disk.py")
        + " --points results/naics/stage3.points --taxonomy {input.taxonomy} --out {output} > {log} 2>&1"


rule report_tickets:
    input:
        code=code("report_tickets.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics="results/tickets/metrics.json",
    output:
        report("results/tickets/pictures/quality.svg", category="tickets", labels={"picture": "quality"}),
    log:
        "logs/tickets/report_tickets.log",
    benchmark:
        "logs/tickets/report_tickets.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_tickets.py") + " --metrics {input.metrics} --out {output} > {log} 2>&1"


rule report_correlation:
    input:
        code=code("report_correlation.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics="results/correlation/metrics.json",
    output:
        report("results/correlation/pictures/agreement.svg", category="correlation", labels={"picture": "agreement"}),
    log:
        "logs/correlation/report_correlation.log",
    benchmark:
        "logs/correlation/report_correlation.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_correlation.py") + " --metrics {input.metrics} --out {output} > {log} 2>&1"


rule report_mamba:
    input:
        code=code("report_mamba.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics="results/mamba/metrics.json",
    output:
        report("results/mamba/pictures/pools.svg", category="mamba", labels={"picture": "recall by size of the pool"}),
    log:
        "logs/mamba/report_mamba.log",
    benchmark:
        "logs/mamba/report_mamba.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_mamba.py") + " --metrics {input.metrics} --out {output} > {log} 2>&1"


rule report_mamba_index:
    input:
        code=code("report_mamba_index.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics="results/mamba/metrics.json",
    output:
        report("results/mamba/pictures/index.svg", category="mamba", labels={"picture": "recall and latency"}),
    log:
        "logs/mamba/report_mamba_index.log",
    benchmark:
        "logs/mamba/report_mamba_index.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_mamba_index.py") + " --metrics {input.metrics} --out {output} > {log} 2>&1"


rule report_gates:
    input:
        code=code("report_gates.py"),
        schema=ours("config/schemas/gate.json"),
        gate="results/{pipeline}/gate.json",
    output:
        report("results/{pipeline}/pictures/gates.svg", category="{pipeline}", labels={"picture": "the gate"}),
    log:
        "logs/{pipeline}/report_gates.log",
    benchmark:
        "logs/{pipeline}/report_gates.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_gates.py") + " --gate {input.gate} --out {output} > {log} 2>&1"


rule report_card:
    input:
        code=code("report_card.py"),
        schemas=[ours(f"config/schemas/{name}.json") for name in ["gate", "metrics"]],
        template=ours("scripts/lib/{pipeline}/card.md"),
        gate="results/{pipeline}/gate.json",
        metrics="results/{pipeline}/metrics.json",
    output:
        "results/{pipeline}/README.md",
    log:
        "logs/{pipeline}/report_card.log",
    benchmark:
        "logs/{pipeline}/report_card.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        run("report_card.py") + " --gate {input.gate} --metrics {input.metrics} --template {input.template}"
        " --out {output} > {log} 2>&1"


rule report_page:
    input:
        code=code("report_page.py"),
        schemas=[ours(f"config/schemas/{name}.json") for name in ["gate", "metrics"]],
        template=ours("scripts/lib/report/page.html"),
        judged=expand("results/{pipeline}/{name}.json", pipeline=REPORTED, name=["gate", "metrics"]),
        stages=STAGES,
        pictures=[f"results/{pipeline}/pictures/{name}.svg" for pipeline in REPORTED for name in PICTURES[pipeline]],
        cards=expand("results/{pipeline}/README.md", pipeline=REPORTED),
    output:
        report("results/report.html", category="all pipelines", labels={"picture": "the report"}),
    log:
        "logs/report_page.log",
    benchmark:
        "logs/report_page.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        folders=expand("results/{pipeline}", pipeline=REPORTED),
    shell:
        run("report_page.py") + " {params.folders} --stages {input.stages} --pictures {input.pictures} --logs logs"
        " --out {output} > {log} 2>&1"
