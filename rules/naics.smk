"""NAICS: taxonomy -> frozen encodings -> three chained stages -> points, index, metrics."""

NAICS = "results/naics"
NAICS_DATA = expand(NAICS + "/data/{name}", name=["taxonomy.parquet", "entries.parquet", "exclusions.parquet", "source.json"])
NAICS_FILES = [
    "naics/2-6 digit_2022_Codes.xlsx",
    "naics/2022_NAICS_Descriptions.xlsx",
    "naics/2022_NAICS_Index_File.xlsx",
    "naics/2022_NAICS_Cross_References.xlsx",
    "naics/entry_roles.csv",
]


rule prepare_naics:
    input:
        code=code("prepare_naics.py"),
        files=data_files(*NAICS_FILES),
    output:
        NAICS_DATA,
    params:
        folder=f"--folder {os.path.join(DATA, 'naics')}" if data_files(NAICS_FILES[0]) else "",
        args=flags("naics", "data"),
    log:
        "logs/naics/prepare_naics.log",
    benchmark:
        "logs/naics/prepare_naics.benchmark.tsv"
    shell:
        run("prepare_naics.py") + " {params.folder} {params.args} --out results/naics/data > {log} 2>&1"


rule encode_naics:
    input:
        code=code("encode_naics.py"),
        data=NAICS_DATA,
    output:
        NAICS + "/texts.safetensors",
    params:
        args=flags("naics", "texts"),
        encoder=flags("naics", "encoder"),
    log:
        "logs/naics/encode_naics.log",
    benchmark:
        "logs/naics/encode_naics.benchmark.tsv"
    threads: config["threads"]
    resources:
        gpu=gpus,
    shell:
        run("encode_naics.py") + " --data results/naics/data {params.encoder} {params.args}"
        " --token-cache results/naics/tokens --out {output} > {log} 2>&1"


rule train_naics_stage:
    input:
        code=code("train_naics_stage.py"),
        data=NAICS_DATA,
        texts=NAICS + "/texts.safetensors",
        start=lambda wildcards: f"{NAICS}/stage{int(wildcards.n) - 1}.ckpt" if int(wildcards.n) > 1 else [],
    output:
        checkpoint=ensure(NAICS + "/stage{n}.ckpt", non_empty=True),
        history=NAICS + "/stage{n}.history.csv",
    params:
        args=lambda wildcards: naics_stage_flags(wildcards.n),
        start=lambda wildcards: f"--start {NAICS}/stage{int(wildcards.n) - 1}.ckpt" if int(wildcards.n) > 1 else "",
    log:
        "logs/naics/train_naics_stage{n}.log",
    benchmark:
        "logs/naics/train_naics_stage{n}.benchmark.tsv"
    wildcard_constraints:
        n="[123]",
    threads: config["threads"]
    resources:
        gpu=gpus,
    shell:
        run("train_naics_stage.py") + " --data results/naics/data --texts {input.texts} {params.start} {params.args}"
        " --name stage{wildcards.n} --state results/naics/state --tensorboard results/naics/tensorboard/stage{wildcards.n}"
        " --history {output.history} --out {output.checkpoint} > {log} 2>&1"
