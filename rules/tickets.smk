"""Tickets: source -> split tables -> pairs in three phases -> adapters, index, metrics."""

TICKETS_DATA = expand("results/tickets/data/{name}", name=["tickets.parquet", "foreign.parquet", "source.json"])
# What each source reads; the packaged one is part of the environment.
TICKETS_FILES = {
    "incidents": [],
    "files": config["tickets"]["data"]["files"] or [],
    "banking77": data_files("tickets/banking77/train.csv", "tickets/banking77/test.csv"),
    "clinc150": data_files("tickets/clinc150/data_full.json"),
}


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
    params:
        args=flags("tickets", "pairs"),
    shell:
        run("build_ticket_pairs.py") + " --data results/tickets/data {params.args} --out {output} > {log} 2>&1"
