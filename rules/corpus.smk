"""An index over the encoder's own vectors of a large corpus, by many jobs: a shard is embedded, then indexed, by one.

The search of a corpus that no model has been trained on yet; asked for by name: results/mamba/corpus/manifest.json.
"""

CORPUS_SHARDS = [f"{shard}-of-{len(MAMBA_SHARDS)}" for shard in MAMBA_SHARDS]


rule train_faiss_index:
    input:
        code=code("train_faiss_index.py"),
        shards=expand("results/mamba/shards/{shard}/manifest.json", shard=CORPUS_SHARDS),
    output:
        multiext("results/mamba/corpus_shards/trained/", "index.faiss", "ids.txt", "manifest.json"),
    log:
        "logs/mamba/train_faiss_index.log",
    benchmark:
        "logs/mamba/train_faiss_index.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("large"),
    params:
        shards=expand("results/mamba/shards/{shard}", shard=CORPUS_SHARDS),
        args=flags("mamba", "corpus"),
    shell:
        run("train_faiss_index.py") + " {params.shards} {params.args} --out results/mamba/corpus_shards/trained"
        " > {log} 2>&1"


rule fill_faiss_index:
    input:
        code=code("fill_faiss_index.py"),
        trained=rules.train_faiss_index.output,
        vectors="results/mamba/shards/{shard}-of-{shards}/manifest.json",
    output:
        multiext("results/mamba/corpus_shards/{shard}-of-{shards}/", "index.faiss", "ids.txt", "manifest.json"),
    log:
        "logs/mamba/fill_faiss_index_{shard}-of-{shards}.log",
    benchmark:
        "logs/mamba/fill_faiss_index_{shard}-of-{shards}.benchmark.tsv"
    wildcard_constraints:
        shard=r"\d+",
        shards=r"\d+",
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        **asks("small"),
    shell:
        run("fill_faiss_index.py") + " --trained results/mamba/corpus_shards/trained --shard {wildcards.shard}"
        " --vectors results/mamba/shards/{wildcards.shard}-of-{wildcards.shards}"
        " --out results/mamba/corpus_shards/{wildcards.shard}-of-{wildcards.shards} > {log} 2>&1"


rule merge_faiss_index:
    input:
        code=code("merge_faiss_index.py"),
        trained=rules.train_faiss_index.output,
        shards=expand("results/mamba/corpus_shards/{shard}/manifest.json", shard=CORPUS_SHARDS),
    output:
        multiext("results/mamba/corpus/", "index.faiss", "lists.ivfdata", "ids.txt", "manifest.json"),
    log:
        "logs/mamba/merge_faiss_index.log",
    benchmark:
        "logs/mamba/merge_faiss_index.benchmark.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        **asks("large"),
    params:
        shards=expand("results/mamba/corpus_shards/{shard}", shard=CORPUS_SHARDS),
    shell:
        run("merge_faiss_index.py") + " {params.shards} --trained results/mamba/corpus_shards/trained"
        " --out results/mamba/corpus > {log} 2>&1"
