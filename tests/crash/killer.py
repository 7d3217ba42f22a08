"""A runner that kills: runs a script in a forked child and sends it a signal at its N-th event.

One process imports torch once and forks for every order, a line of JSON on stdin, so that a killed
run takes a tenth of a second. Answers are lines of JSON on stdout. Orders:

  {"argv": [script, ...], "log": file, "kill": [event, number, signal], "watch": folder, "limit": bytes, "die": bool}
      starts a run and answers {"pid": ...}; all but argv and log may be missing
  {"wait": pid}
      waits until it ends or stops and answers {"code": ..., "events": {event: count}}; code is null when stopped

Events: `file`, an operation on a file below `watch`, counted before it happens; `step`, the script's
own. `limit` makes every write beyond that many bytes of a file fail, with `die` it kills instead.
"""

import json
import os
import resource
import runpy
import signal
import sys
import traceback

import peft  # noqa: F401  all below imported once, for all children
import polars  # noqa: F401
import safetensors.torch  # noqa: F401
import sentence_transformers  # noqa: F401
import torch._dynamo  # noqa: F401  AdamW imports it, a second and a half
import tqdm  # noqa: F401
import transformers.models.auto  # noqa: F401

FILE_EVENTS = {"open", "os.listdir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], os.WUNTRACED)
            answer = {"code": None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)}
        else:
            answer = {"pid": os.fork() or run(order)}
        print(json.dumps(answer), flush=True)


def run(order: dict) -> None:
    """The child's life; it never returns."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    counts = watch(order)
    code = 1
    try:
        limit(order)
        sys.argv = order["argv"]
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        os.write(1, f"\nevents {json.dumps(counts)}\n".encode())
        os._exit(code)


def watch(order: dict) -> dict[str, int]:
    """Count events from now on, and strike at the one that was ordered."""
    event, number, what = order.get("kill", ("none", 0, 0))
    counts = {"file": 0, "step": 0}

    def hook(name: str, arguments: tuple) -> None:
        if name == "tiny.step":
            count("step")
        elif name in FILE_EVENTS and str(arguments[0]).startswith(order.get("watch", "\0")):
            count("file")

    def count(kind: str) -> None:
        counts[kind] += 1
        if kind == event and counts[kind] == number:
            os.kill(os.getpid(), what)

    sys.addaudithook(hook)
    return counts


def limit(order: dict) -> None:
    if "limit" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if order.get("die") else signal.SIG_IGN)


if __name__ == "__main__":
    main()
