"""lib.report.times: where the time went, as Snakemake's benchmark files tell it."""

import pytest

from lib.errors import BadInput
from lib.report import times

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def logs(tmp_path):
    """Four jobs of two pipelines; the last was over before anybody looked at its memory."""

    def job(name: str, seconds: float, cpu: object, megabytes: object) -> None:
        path = tmp_path / f"{name}.benchmark.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{HEADER}{seconds}\t-\t{megabytes}\t0\t0\t0\t0\t0\t0\t{cpu}\n")

    job("naics/train", 72.9, 100.2, 1729.6)
    job("naics/prepare", 6.4, 5.0, 300.0)
    job("mamba/train", 120.0, 61.0, 900.0)
    job("mamba/card", 0.3, "NA", "NA")
    return tmp_path


def test_the_longest_job_comes_first_and_the_short_ones_are_one_row(logs):
    table = times.table(times.jobs(logs))
    assert table.caption == "Where the time went: 3:20 of jobs, some side by side"
    assert table.rows == [
        ["train", "mamba", "2:00", "60%", "1:01", "900 MB"],
        ["train", "naics", "1:13", "37%", "1:40", "1,730 MB"],
        ["prepare", "naics", "0:06", "3%", "0:05", "300 MB"],
        ["1 others", "", "0:00", "0%", "0:00", "0 MB"],
        ["all", "", "3:20", "100%", "2:46", "1,730 MB"],
    ]


@pytest.mark.parametrize("content", ["", "s\tcpu_time\n1\t1\n", HEADER, HEADER.replace("s\t", "x\t", 1) + "1\t" * 10])
def test_a_file_that_is_no_benchmark_is_named(logs, content):
    (logs / "naics" / "odd.benchmark.tsv").write_text(content)
    with pytest.raises(BadInput, match=r"odd\.benchmark\.tsv: no benchmark, expected columns s, cpu_time and max_rss"):
        times.jobs(logs)


def test_no_logs_are_no_jobs(tmp_path):
    assert times.jobs(tmp_path) == []
