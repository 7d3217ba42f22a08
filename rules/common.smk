"""What the other files share: code as input, knobs as one string, a share of the machine."""

import json
import os
import shlex
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from scripts.lib.config import check, flags as flags_of
from scripts.lib.errors import BadInput
from scripts.lib.provenance import SCRIPTS, code_files

if workflow.modifier.path_modifier and workflow.modifier.path_modifier.prefix:
    raise WorkflowError("module: prefix is not supported, expected none: commands name their folders below results/")
if workflow.modifier.skip_configfile:  # a module: what the other workflow gives is laid over the defaults
    laid = {}
    for layer in (*map(load_configfile, CONFIGS), config):
        update_config(laid, layer)
    config.update(laid)

try:
    check(json.loads(json.dumps(config)), "config")
    for pipeline, bars_of in config["gates"].items():
        check(bars_of, "bars", f"config: gates.{pipeline}")
except BadInput as error:
    raise WorkflowError(str(error)) from None

MACHINE = {key: config[key] for key in ("seed", "device", "precision")}
SEED = load_configfile(SCRIPTS.parent / "config/seed.yaml")  # the originals' hyperparameters, by pipeline
PROCESSES, NODES = config["num_processes"], config["cluster"]["nodes"]  # that train one model together
if PROCESSES % NODES:
    raise WorkflowError(f"config: num_processes {PROCESSES}, expected a multiple of cluster.nodes {NODES}")
# Threads that wait for each other spin for some microseconds, then give up their core. Measured on two
# cores: twice as fast as sleeping at once.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
# A shell that dies of SIGTERM takes its job step down with it; with a trap it waits until its script has saved.
shell.prefix("set -euo pipefail; trap : TERM; ")


# A limit of local_gpu (profiles/default) is one machine's: a cluster's jobs are not held to it.
resource_scopes:
    local_gpu="local",


PRODUCTS = {}  # what a user takes away besides reports, by pipeline
DATA = config["data_dir"] or os.environ.get("SLUICE_DATA")


def code(*names):
    """A script and everything it imports from lib: Snakemake tracks neither by itself."""
    return [ours(file) for file in code_files(*names)]


def ours(path):
    """A file of this repository as an input, in whatever folder and as whosever module the workflow runs."""
    path = os.path.relpath(SCRIPTS.parent / path)
    return local(path) if workflow.modifier.is_module else path


def flags(*path):
    """The config below `path` as one canonical string of flags."""
    return flags_of(config, *path)


def merged(*layers):
    """Several mappings laid over each other, the later ones on top, as one string of flags."""
    return flags_of({"knobs": {key: value for layer in layers for key, value in layer.items()}}, "knobs")


def machine(*keys):
    """What the config says of the machine under these keys, as one string of flags."""
    return merged({key: MACHINE[key] for key in keys})


def run(script):
    """The command that starts a script."""
    return f"python {os.path.relpath(SCRIPTS / script)}"


def train(script):
    """The command that starts a training: one process, or as many as torchrun is to start on each node."""
    if PROCESSES == 1:
        return run(script)
    of_node, file = PROCESSES // NODES, os.path.relpath(SCRIPTS / script)
    torchrun = f"python -m torch.distributed.run --nproc-per-node {of_node}"
    threads = f"OMP_NUM_THREADS={max(1, config['threads'] // of_node)}"  # which processes of a node share
    if NODES == 1:
        return f"{threads} {torchrun} --standalone -- {file}"
    # The shell runs on the first node of the job, where the others meet it; jobs that share a node have ports of their own.
    return (
        f"{threads} srun --nodes={NODES} --ntasks={NODES} --ntasks-per-node=1 --cpus-per-task={config['threads']}"
        f" {torchrun} --nnodes {NODES} --rdzv-backend c10d --rdzv-id $SLURM_JOB_ID"
        f" --rdzv-endpoint $(hostname):$((20000 + SLURM_JOB_ID % 10000)) -- {file}"
    )


def data_files(*names):
    """Those of the named files that the data folder has; none when no folder is given."""
    return [path for path in (os.path.join(DATA, name) for name in names) if os.path.exists(path)] if DATA else []


def bars(pipeline):
    """The bars of one gate as JSON, for gate.py."""
    return json.dumps(config["gates"][pipeline], sort_keys=True)


def asks(size, gpus=0, nodes=1):
    """Resources of a job of this size (config: cluster), with so many GPUs in all where `device` is cuda."""
    cluster, gpus = config["cluster"], gpus if config["device"] == "cuda" else 0
    names = {"slurm_account": cluster["account"], "slurm_partition": cluster["gpu_partition" if gpus else "partition"]}
    again = {name: more_with_each_attempt(value) for name, value in cluster[size].items()}
    # `mpi` leaves srun to the command; its one task a node starts the processes of that node.
    spread = {"nodes": nodes, "mpi": "srun", "tasks": nodes, "tasks_per_gpu": 0} if nodes > 1 else {}
    chosen = {name: value for name, value in names.items() if value}
    return {"gpu": gpus, "local_gpu": min(gpus, 1), **again, **spread, **chosen}


def more_with_each_attempt(value):
    return lambda wildcards, attempt: attempt * value
