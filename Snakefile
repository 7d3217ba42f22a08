"""Sluice: train, measure against honest baselines, and let through only what beats them."""

from snakemake.utils import min_version

min_version("9.27")

# Found beside this file in whatever folder the workflow runs, also as a module of another one.
HOUSE = workflow.current_basedir.get_path_or_uri(secret_free=False)
CONFIGS = [f"{HOUSE}/config/{name}.yaml" for name in ("config", "correlation", "naics", "tickets", "mamba")]


for path in CONFIGS:

    configfile: path


include: "rules/common.smk"
include: "rules/correlation.smk"
include: "rules/naics.smk"
include: "rules/tickets.smk"
include: "rules/mamba.smk"
include: "rules/corpus.smk"
include: "rules/gates.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        [PRODUCTS[pipeline] for pipeline in config["pipelines"]],
        "results/gates.passed",
        "results/report.html",
