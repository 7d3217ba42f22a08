"""Sluice: train, measure against honest baselines, and let through only what beats them."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"
configfile: "config/correlation.yaml"
configfile: "config/naics.yaml"
configfile: "config/tickets.yaml"
configfile: "config/mamba.yaml"


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
