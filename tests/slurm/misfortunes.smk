"""Five small trainings on a cluster, each with a misfortune of its own; their resources are the project's."""


configfile: "config/config.yaml"
configfile: "config/correlation.yaml"
configfile: "config/naics.yaml"
configfile: "config/tickets.yaml"
configfile: "config/mamba.yaml"


include: "rules/common.smk"


TRAINING = "PYTHONPATH=scripts python tests/crash/tiny.py --state state/{rule} --out {rule} --save-seconds 1000"


rule survivors:
    input:
        expand("{name}/model.ckpt", name=["preempted", "timed_out", "out_of_memory"]),


# A job of a higher tier takes its GPUs away.
rule preempted:
    output:
        "preempted/model.ckpt",
    log:
        "logs/preempted.log",
    resources:
        **asks("large", gpus=1),
    shell:
        "echo GPU ${{CUDA_VISIBLE_DEVICES:-none}} > {log}; " + TRAINING + " --data data.json --steps 40 --pause 0.5 >> {log} 2>&1"


# Its workflow is interrupted.
use rule preempted as interrupted with:
    output:
        "interrupted/model.ckpt",
    log:
        "logs/interrupted.log",
    resources:
        **asks("large"),


# SLURM looks twice a minute who will soon be over his limit: the warning of a job of one minute comes in its second
# half. A minute is too short for these steps, two are enough for what is left of them.
rule timed_out:
    output:
        "timed_out/model.ckpt",
    log:
        "logs/timed_out.log",
    priority: 1
    resources:
        **asks("small"),
    shell:
        TRAINING + " --data data.json --steps 120 --pause 0.5 > {log} 2>&1"


# Importing torch takes more than the first attempt may have.
rule out_of_memory:
    output:
        "out_of_memory/model.ckpt",
    log:
        "logs/out_of_memory.log",
    resources:
        **(asks("large") | {"mem_mb": more_with_each_attempt(400)}),
    shell:
        TRAINING + " --data data.json --steps 5 > {log} 2>&1"


# No attempt helps.
rule hopeless:
    output:
        "hopeless/gate.json",
    log:
        "logs/hopeless.log",
    resources:
        **asks("small"),
    shell:
        run("gate.py") + " --metrics nowhere.json --bars '{{}}' --out {output} > {log} 2>&1"
