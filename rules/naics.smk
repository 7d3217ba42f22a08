"""NAICS: taxonomy -> frozen encodings -> three chained stages -> points, index, metrics."""

NAICS_DATA = expand(
    "results/naics/data/{name}", name=["taxonomy.parquet", "entries.parquet", "exclusions.parquet", "source.json"]
)
NAICS_POINTS = multiext("results/naics/stage3.points/", "vectors.npy", "ids.txt", "manifest.json")
NAICS_FILES = [
    "naics/2-6 digit_2022_Codes.xlsx",
    "naics/2022_NAICS_Descriptions.xlsx",
    "naics/2022_NAICS_Index_File.xlsx",
    "naics/2022_NAICS_Cross_References.xlsx",
    "naics/entry_roles.csv",
]


PRODUCTS["naics"] = "results/naics/index/manifest.json"

# Later layers win: the machine, the model, what all stages share; a stage adds its own on top.
NAICS_KNOBS = [MACHINE, *(config["naics"][layer] for layer in ("encoder", "model", "train"))]


rule prepare_naics:
    input:
        code=code("prepare_naics.py"),
        files=data_files(*NAICS_FILES),
    output:
        NAICS_DATA,
    log:
        "logs/naics/prepare_naics.log",
    benchmark:
        "logs/naics/prepare_naics.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        folder=f"--folder {shlex.quote(os.path.join(DATA, 'naics'))}" if data_files(NAICS_FILES[0]) else "",
        args=flags("naics", "data"),
    shell:
        run("prepare_naics.py") + " {params.folder} {params.args} --out results/naics/data > {log} 2>&1"


rule encode_naics:
    input:
        code=code("encode_naics.py"),
        data=NAICS_DATA,
    output:
        texts="results/naics/texts.safetensors",
        vectors="results/naics/stage0.vectors.safetensors",
    log:
        "logs/naics/encode_naics.log",
    benchmark:
        "logs/naics/encode_naics.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        args=flags("naics", "texts"),
        encoder=flags("naics", "encoder"),
    shell:
        run("encode_naics.py") + " --data results/naics/data {params.encoder} {params.args}"
        " --token-cache results/naics/tokens --vectors {output.vectors} --out {output.texts} > {log} 2>&1"


rule train_naics_stage:
    input:
        code=code("train_naics_stage.py"),
        data=NAICS_DATA,
        texts="results/naics/texts.safetensors",
        start=lambda wildcards: f"results/naics/stage{int(wildcards.n) - 1}.ckpt" if int(wildcards.n) > 1 else [],
        vectors=lambda wildcards: (
            f"results/naics/stage{int(wildcards.n) - 1}.memory.safetensors"
            if int(wildcards.n) > 1
            else "results/naics/stage0.vectors.safetensors"
        ),
    output:
        checkpoint=ensure("results/naics/stage{n}.ckpt", non_empty=True),
        memory="results/naics/stage{n}.memory.safetensors",
        history="results/naics/stage{n}.history.csv",
    log:
        "logs/naics/train_naics_stage{n}.log",
    benchmark:
        "logs/naics/train_naics_stage{n}.benchmark.tsv"
    wildcard_constraints:
        n="[123]",
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=PROCESSES, nodes=NODES),
    params:
        args=lambda wildcards: merged(*NAICS_KNOBS, config["naics"]["stages"][f"stage{wildcards.n}"]),
        start=lambda wildcards: (
            f"--start results/naics/stage{int(wildcards.n) - 1}.ckpt" if int(wildcards.n) > 1 else ""
        ),
    shell:
        train("train_naics_stage.py") + " --data results/naics/data --texts {input.texts} {params.start}"
        " --vectors {input.vectors} {params.args} --name stage{wildcards.n} --state results/naics/state"
        " --tensorboard results/naics/tensorboard/stage{wildcards.n} --history {output.history}"
        " --memory {output.memory} --out {output.checkpoint} > {log} 2>&1"


rule embed_naics:
    input:
        code=code("embed_naics.py"),
        data=NAICS_DATA,
        texts="results/naics/texts.safetensors",
        raw="results/naics/stage0.vectors.safetensors",
        checkpoint="results/naics/{model}.ckpt",
    output:
        multiext("results/naics/{model}.points/", "vectors.npy", "ids.txt", "manifest.json"),
        vectors="results/naics/{model}.vectors.safetensors",
    log:
        "logs/naics/embed_naics_{model}.log",
    benchmark:
        "logs/naics/embed_naics_{model}.benchmark.tsv"
    wildcard_constraints:
        model="stage[123]|geometry/.+",
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=1),
    params:
        machine=machine("device", "precision"),
    shell:
        run("embed_naics.py") + " --checkpoint {input.checkpoint} --data results/naics/data --texts {input.texts}"
        " --raw {input.raw} {params.machine} --vectors {output.vectors} --out results/naics/{wildcards.model}.points"
        " > {log} 2>&1"


rule eval_naics_validation:
    input:
        code=code("eval_unified.py", "lib/naics/evaluation.py"),
        schema=ours("config/schemas/metrics.json"),
        data=NAICS_DATA,
        raw="results/naics/stage0.vectors.safetensors",
        vectors="results/naics/{model}.vectors.safetensors",
        checkpoint="results/naics/{model}.ckpt",
    output:
        "results/naics/{model}.metrics.json",
    log:
        "logs/naics/eval_naics_{model}.log",
    benchmark:
        "logs/naics/eval_naics_{model}.benchmark.tsv"
    wildcard_constraints:
        model="stage[123]|geometry/.+",
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("large"),
    shell:
        run("eval_unified.py") + " naics --checkpoint {input.checkpoint} --vectors {input.vectors} --raw {input.raw}"
        " --data results/naics/data --split validation --out {output} > {log} 2>&1"


rule eval_naics:
    input:
        code=code("eval_unified.py", "lib/naics/evaluation.py"),
        schema=ours("config/schemas/metrics.json"),
        data=NAICS_DATA,
        raw="results/naics/stage0.vectors.safetensors",
        vectors="results/naics/stage3.vectors.safetensors",
        checkpoint="results/naics/stage3.ckpt",
    output:
        "results/naics/metrics.json",
    log:
        "logs/naics/eval_naics.log",
    benchmark:
        "logs/naics/eval_naics.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("large"),
    shell:
        run("eval_unified.py") + " naics --checkpoint {input.checkpoint} --vectors {input.vectors} --raw {input.raw}"
        " --data results/naics/data --split test --out {output} > {log} 2>&1"


rule index_naics:
    input:
        code=code("build_faiss_index.py"),
        points=NAICS_POINTS,
    output:
        multiext("results/naics/index/", "index.faiss", "ids.txt", "manifest.json"),
    log:
        "logs/naics/index_naics.log",
    benchmark:
        "logs/naics/index_naics.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("small"),
    params:
        args=flags("naics", "index"),
    shell:
        run("build_faiss_index.py") + " --vectors results/naics/stage3.points {params.args} --out results/naics/index"
        " > {log} 2>&1"


# Curvature against flat space with everything else the same: the head alone on frozen vectors, so
# that sixteen figures cost minutes. Not part of the default run: snakemake results/naics/geometry.md


GEOMETRIES = [f"{geometry}-{dim}" for dim in (8, 16, 32, 384) for geometry in ("lorentz", "euclidean")]
GEOMETRY_COLUMNS = [["recall_at_1", "entries"], ["recall_at_5", "entries"]] + [
    [metric, of]
    for of in ("trained codes", "held-out families")
    for metric in ("pearson_tree_distance", "parent_recall_at_1", "sibling_map")
]


rule train_naics_geometry:
    input:
        code=code("train_naics_stage.py"),
        data=NAICS_DATA,
        texts="results/naics/texts.safetensors",
        vectors="results/naics/stage0.vectors.safetensors",
    output:
        checkpoint="results/naics/geometry/{geometry}-{dim}.ckpt",
        memory=temp("results/naics/geometry/{geometry}-{dim}.memory.safetensors"),
        history="results/naics/geometry/{geometry}-{dim}.history.csv",
    log:
        "logs/naics/train_naics_geometry_{geometry}-{dim}.log",
    benchmark:
        "logs/naics/train_naics_geometry_{geometry}-{dim}.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large", gpus=PROCESSES, nodes=NODES),
    params:
        args=lambda wildcards: merged(
            *NAICS_KNOBS,
            config["naics"]["stages"]["stage3"],
            config["naics"]["train"],  # again, for a warm-up of its own: no stage comes before
            {"r": 0, "live_codes": 0, "geometry": wildcards.geometry, "dim": int(wildcards.dim), "floor_ratio": 0.0},
        ),
    shell:
        train("train_naics_stage.py") + " --data results/naics/data --texts {input.texts} --vectors {input.vectors}"
        " {params.args} --name {wildcards.geometry}-{wildcards.dim} --state results/naics/state"
        " --history {output.history} --memory {output.memory} --out {output.checkpoint} > {log} 2>&1"


rule report_geometry:
    input:
        code=code("report_arms.py"),
        schema=ours("config/schemas/metrics.json"),
        metrics=expand("results/naics/geometry/{arm}.metrics.json", arm=GEOMETRIES),
    output:
        "results/naics/geometry.md",
    log:
        "logs/naics/report_geometry.log",
    benchmark:
        "logs/naics/report_geometry.benchmark.tsv"
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        columns=shlex.quote(json.dumps(GEOMETRY_COLUMNS)),
    shell:
        run("report_arms.py") + " --metrics {input.metrics} --columns {params.columns} --out {output} > {log} 2>&1"
