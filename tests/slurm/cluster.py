"""A SLURM of two nodes on loopback, each with a pretend GPU: munge, slurmctld and two slurmd, and nothing else.

python tests/slurm/cluster.py install | up | down

No systemd, cgroups or database. Needs root and Debian's packages, which only `install` fetches. Writes
/etc/slurm/slurm.conf and gres.conf (refused where they are somebody else's) and HOME; `down` removes both.
"""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = {"munge": "munged", "slurmctld": "slurmctld", "slurmd": "slurmd", "slurm-client": "sbatch"}  # by package
ETC, HOME = Path("/etc/slurm"), Path("/var/lib/sluice-slurm")
HOSTS = Path("/etc/hosts")
MARK = "# Written by tests/slurm/cluster.py"
NODES = ("node1", "node2")

SLURM_CONF = f"""{MARK}
ClusterName=sluice
SlurmctldHost={{host}}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# A requeued job starts again after this many seconds; 120 by default.
AuthInfo=cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={HOME}/ctld
SlurmdSpoolDir={HOME}/%n
SlurmctldPidFile={HOME}/slurmctld.pid
SlurmdPidFile={HOME}/%n.pid
SlurmctldLogFile={HOME}/slurmctld.log
SlurmdLogFile={HOME}/%n.log
MpiDefault=none
# A step is over with its first process and takes the others with it, as cgroups do.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
# Tests ask about jobs that ended long ago.
MinJobAge=3600
ReturnToService=2
SchedulerParameters=sched_interval=5,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Memory limits without cgroups: look every second, kill the job that has more than it asked for.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName={NODES[0]} NodeHostname={{host}} NodeAddr=127.0.0.1 Port=6818 CPUs=8 RealMemory=64000 Gres=gpu:1
NodeName={NODES[1]} NodeHostname={{host}} NodeAddr=127.0.0.1 Port=6819 CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=cpu Nodes=ALL Default=YES PriorityTier=1
PartitionName=gpu Nodes=ALL PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF
"""
GRES_CONF = f"""{MARK}
AutoDetect=off
NodeName={NODES[0]} Name=gpu File={HOME}/gpu0
NodeName={NODES[1]} Name=gpu File={HOME}/gpu1
"""


class NoCluster(RuntimeError):
    """Why there is no SLURM here, in one line."""


def main() -> None:
    try:
        {"install": install, "up": up, "down": down}[sys.argv[1]]()
    except NoCluster as error:
        sys.exit(f"cluster.py: {error}")


def install() -> None:
    """Debian's packages, with apt; their services do not start where systemd does not run."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise NoCluster("installing needs root and apt-get")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    patience = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-q"]
    for order in (["update"], ["install", "--yes", "--no-install-recommends", *PROGRAMS]):
        if not _missing():
            return
        done = subprocess.run(["apt-get", *patience, *order], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise NoCluster(f"apt-get {order[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")


def up() -> None:
    """A fresh cluster, also where one of ours runs already; NoCluster says what prevents it."""
    if os.geteuid():
        raise NoCluster("SLURM's daemons need root")
    if missing := _missing():
        raise NoCluster(f"{', '.join(missing)} not installed; make slurm installs them")
    if _foreign():
        raise NoCluster(f"{ETC}/slurm.conf is not ours: this machine has a SLURM of its own")
    down()
    _write()
    _start_munge()
    subprocess.run(["slurmctld", "-i"], check=True)
    _wait("slurmctld", lambda: _succeeds("scontrol", "ping"))
    for node in NODES:
        subprocess.run(["slurmd", "-N", node], check=True)
    _wait("nodes that take jobs", lambda: _succeeds("srun", "--quiet", "--nodes=2", "--gpus=2", "--time=1", "true"))


def down() -> None:
    """Stop what `up` started and remove what it wrote; nothing to do is fine."""
    if _foreign() or not HOME.exists():
        return
    if _succeeds("scontrol", "ping"):
        subprocess.run(["scancel", "--quiet", "--full", "--signal=KILL", "--user=root"], capture_output=True)
        subprocess.run(["scancel", "--quiet", "--user=root"], capture_output=True)
        _wait("jobs to end", lambda: not _output("squeue", "--noheader"))
    for node in NODES:
        _stop("slurmd", HOME / f"{node}.pid")
    _stop("slurmctld", HOME / "slurmctld.pid")
    _stop("munged", HOME / "munge/munged.pid")
    for file in ("slurm.conf", "gres.conf"):
        (ETC / file).unlink(missing_ok=True)
    lines = HOSTS.read_text().splitlines(keepends=True)
    if any(MARK in line for line in lines):
        HOSTS.write_text("".join(line for line in lines if MARK not in line))
    shutil.rmtree(HOME)


def _missing() -> list[str]:
    return [package for package, program in PROGRAMS.items() if not shutil.which(program)]


def _foreign() -> bool:
    return (ETC / "slurm.conf").exists() and MARK not in (ETC / "slurm.conf").read_text()


def _write() -> None:
    host = socket.gethostname().split(".")[0]
    for folder in (ETC, *(HOME / name for name in ("ctld", "munge", *NODES))):
        folder.mkdir(parents=True, exist_ok=True)
    for number in (0, 1):  # /dev/null twice: SLURM wants device files whose names end in their number
        os.mknod(HOME / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (ETC / "slurm.conf").write_text(SLURM_CONF.format(host=host))
    (ETC / "gres.conf").write_text(GRES_CONF)
    if not _address(host).startswith("127."):  # srun is called back by name
        HOSTS.write_text(f"127.0.0.1 {host} {MARK}\n{HOSTS.read_text()}")


def _address(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return ""


def _start_munge() -> None:
    """The machine's own munged if it runs, else one that `down` stops."""
    if _succeeds("munge", "--no-input"):
        return
    for folder in (Path("/run/munge"), HOME / "munge"):
        folder.mkdir(exist_ok=True)
        shutil.chown(folder, "munge", "munge")
    started = ["runuser", "-u", "munge", "--", "munged", f"--pid-file={HOME}/munge/munged.pid"]
    subprocess.run(started, check=True)
    _wait("munged", lambda: _succeeds("munge", "--no-input"))


def _stop(name: str, filed: Path) -> None:
    """End the process whose number is filed, if it is still the one."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int(filed.read_text())
        if name in command(pid):
            os.kill(pid, signal.SIGTERM)
            _wait(f"{name} to end", lambda: not command(pid))


def command(pid: int) -> str:
    """The command line of a process; empty once it has ended, also while nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wait(what: str, done: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(f"gave up waiting for {what}, see {HOME}/*.log")
        time.sleep(0.1)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


if __name__ == "__main__":
    main()
