"""snakemake with a scheduler that is asked every two seconds how its jobs are.

The plugin itself waits ten seconds longer after each look that found nothing ended; a job of eight seconds is then
noticed after twenty. No option shortens that, and nothing else is changed here.
"""

from snakemake import cli
from snakemake_executor_plugin_slurm import Executor

SECONDS = 2

Executor.next_seconds_between_status_checks = property(lambda _: SECONDS, lambda *_: None)

if __name__ == "__main__":
    cli.main()
