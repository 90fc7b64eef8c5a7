"""Jobs with real processes: what they print, how they end, and what is found of them after a restart."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training import commands, jobs, supervisor
from training.commands import Command, Places, WrongParameters
from training.jobs import Elsewhere, Job, Jobs, QueueFull, UnknownJob
from training.processes import mark_of

PATIENCE_SECONDS = 60


def until(claim: Callable[[], Any]) -> Any:
    """What the claim gives as soon as it gives something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := claim()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "checkpoints", tmp_path / "runs", lambda model: model == "sft/tiny")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every check run this Python instead."""

    def use(text: str, program: str = sys.executable) -> None:
        argv = (program, "-c", text, supervisor.PROGRESS_FD)
        monkeypatch.setitem(commands.KINDS, "check", (commands.KINDS["check"][0], lambda told, where: Command(argv)))

    return use


@pytest.fixture
def open_jobs(tmp_path: Path, places: Places) -> Iterator[Callable[..., Jobs]]:
    opened: list[Jobs] = []

    def make(**options: Any) -> Jobs:
        opened.append(Jobs(tmp_path / "jobs", places, grace_seconds=0.3, **options))
        return opened[-1]

    yield make
    for one in opened:
        for job in one.all():
            one.cancel(job.id)
    until(lambda: all(job.is_over for one in opened for job in one.all()))
    for one in opened:
        one.close()


def ended(house: Jobs, job: Job) -> Job:
    return until(lambda: house.one(job.id) if house.one(job.id).is_over else None)


def begin(house: Jobs) -> Job:
    return house.start("check", {"model": "sft/tiny"})


def test_a_job_tells_its_progress_its_result_and_its_log(open_jobs, script) -> None:
    script(
        "import os, sys, json; tell = os.fdopen(int(sys.argv[1]), 'w')\n"
        "tell.write(json.dumps({'type': 'progress', 'stage': 'reading', 'current': 3, 'total': 6}) + '\\n')\n"
        "print('hello'); print('world', file=sys.stderr)\n"
        "tell.write(json.dumps({'type': 'result', 'result': {'findings': []}}) + '\\n')\n"
    )
    house = open_jobs()
    job = ended(house, begin(house))
    assert (job.state, job.exit_code, job.result, job.error) == ("succeeded", 0, {"findings": []}, None)
    assert (job.stage, job.current, job.total, job.progress) == ("reading", 3, 6, 0.5)
    piece = house.log(job.id, 0)
    assert (piece.text, piece.end, piece.next_offset) == ("hello\nworld\n", True, 12)
    assert house.log(job.id, 6).text == "world\n"


def test_what_a_plain_script_prints_is_understood_while_it_runs(open_jobs, script) -> None:
    script("import time; print('[PROGRESS] images:3/6'); time.sleep(60)")
    house = open_jobs()
    job = begin(house)
    seen = until(lambda: house.one(job.id) if house.one(job.id).progress else None)
    assert (seen.state, seen.stage, seen.progress) == ("running", "images", 0.5)


def test_a_failure_is_told_with_the_last_lines(open_jobs, script) -> None:
    script("print('one'); raise SystemExit('it broke')")
    house = open_jobs()
    job = ended(house, begin(house))
    assert (job.state, job.exit_code) == ("failed", 1)
    assert job.error["message"] == "the command ended with exit code 1"
    assert job.error["last_lines"] == ["one", "it broke"]


def test_an_error_that_the_job_words_itself_is_kept(open_jobs, script) -> None:
    error = {"code": "shard_missing", "message": "a shard is missing", "hint": "copy it"}
    script(
        "import os, sys, json\n"
        f"os.write(int(sys.argv[1]), json.dumps({{'type': 'error', 'error': {error}}}).encode() + b'\\n')\n"
        "sys.exit(1)"
    )
    house = open_jobs()
    job = ended(house, begin(house))
    assert {**error, "last_lines": []} == job.error


def test_a_death_by_signal_is_told_in_words(open_jobs, script) -> None:
    script("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    house = open_jobs()
    job = ended(house, begin(house))
    assert (job.state, job.exit_code, job.error["code"]) == ("failed", -9, "job_killed")
    assert "SIGKILL" in job.error["message"]


def test_a_command_that_does_not_exist_is_a_failure_in_words(open_jobs, script) -> None:
    script("", program="/nowhere/python")
    house = open_jobs()
    job = ended(house, begin(house))
    assert (job.state, job.error["code"]) == ("failed", "command_not_found")


def test_a_job_that_ignores_term_and_forks_is_killed_with_its_children(open_jobs, script) -> None:
    script(
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork()\n"
        "if child: print(child)\n"
        "time.sleep(600)"
    )
    house = open_jobs()
    job = begin(house)
    child = int(until(lambda: house.log(job.id, 0).text))
    assert mark_of(child) is not None
    house.cancel(job.id)
    assert ended(house, job).state == "cancelled"
    until(lambda: mark_of(child) is None)


def test_children_that_a_job_leaves_behind_do_not_keep_it_alive(open_jobs, script) -> None:
    script("import os, time\nif os.fork() == 0: time.sleep(600)\nprint('done')")
    house = open_jobs()
    assert ended(house, begin(house)).state == "succeeded"


def test_a_flood_of_output_is_bounded_and_ends_with_its_last_lines(open_jobs, script) -> None:
    script("import sys\nfor _ in range(300): sys.stdout.write('x' * 65535 + '\\n')\nprint('the end')")
    house = open_jobs()
    job = ended(house, begin(house))
    assert job.state == "succeeded"
    assert job.log_bytes < supervisor.LARGEST_LOG + 2 * supervisor.KEPT_AT_THE_END
    assert house.log(job.id, -100).text.endswith("the end\n")
    assert "bytes are left out here" in house.log(job.id, -supervisor.KEPT_AT_THE_END - 60).text


def test_a_flood_of_progress_is_read_to_its_end(open_jobs, script) -> None:
    script("import os, sys\ntell = os.fdopen(int(sys.argv[1]), 'w')\n"
           "for i in range(50001): tell.write('{\"type\": \"progress\", \"stage\": \"s\", \"current\": %d, \"total\": 50000}\\n' % i)")  # fmt: skip  # noqa: E501
    house = open_jobs()
    job = ended(house, begin(house))
    assert (job.current, job.total) == (50_000, 50_000)


def test_jobs_wait_for_their_turn_and_a_full_queue_is_refused(open_jobs, script, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "MOST_WAITING", 2)
    script("import time; time.sleep(600)")
    house = open_jobs()
    first, second, third = (begin(house) for _ in range(3))
    assert [house.one(job.id).state for job in (first, second, third)] == ["running", "queued", "queued"]
    with pytest.raises(QueueFull):
        begin(house)
    assert house.cancel(third.id).state == "cancelled"
    house.cancel(first.id)
    until(lambda: house.one(second.id).state == "running")


def test_a_job_that_outlives_the_server_is_found_again(open_jobs, script) -> None:
    script("import sys, time\nfor line in range(1000): print(line); time.sleep(0.05)")
    before = open_jobs()
    job = begin(before)
    before.close()
    after = open_jobs()
    assert after.one(job.id).state == "running"
    after.cancel(job.id)
    assert ended(after, job).state == "cancelled"


def test_a_job_whose_supervisor_died_is_marked_with_its_last_lines(open_jobs, script) -> None:
    script("import time; print('so far'); time.sleep(600)")
    house = open_jobs()
    job = begin(house)
    told = until(lambda: house._folder.told(job) if house._folder.told(job).get("last_lines") else None)
    os.kill(told["supervisor_pid"], signal.SIGKILL)
    over = ended(house, job)
    assert (over.state, over.error["last_lines"]) == ("interrupted", ["so far"])
    until(lambda: mark_of(told["pid"]) is None)


def test_each_state_is_kept_once(open_jobs, script) -> None:
    script("")
    kept: list[Job] = []
    house = open_jobs(keep=kept.append)
    job = ended(house, begin(house))
    assert [one.state for one in kept] == ["queued", "running", "succeeded"]
    assert open_jobs(remembered=lambda known: [job]).one(job.id) == job


class SharedMemory:
    """What two servers remember together, as their database would."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    def keep(self, job: Job) -> None:
        self.jobs[job.id] = job

    def remembered(self, known: Mapping[str, str]) -> list[Job]:
        return [job for job in self.jobs.values() if known.get(job.id) != job.state]


def test_jobs_of_another_server_are_shown_and_left_to_it(
    open_jobs, script, tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("print('at work'); import time; time.sleep(600)")
    monkeypatch.setattr(jobs, "SECONDS_BETWEEN_QUESTIONS", 0.0)
    memory = SharedMemory()
    house = open_jobs(keep=memory.keep, remembered=memory.remembered)
    job, waiting = begin(house), begin(house)
    other = Jobs(tmp_path / "other", places, keep=memory.keep, remembered=memory.remembered)
    other.resume()
    assert {one.id: (one.state, one.elsewhere) for one in other.all()} == {
        job.id: ("running", platform.node()),
        waiting.id: ("queued", platform.node()),
    }
    for ask in (lambda: other.cancel(job.id), lambda: other.log(job.id, 0)):
        with pytest.raises(Elsewhere):
            ask()
    assert (house.one(job.id).state, house.one(waiting.id).state) == ("running", "queued")
    assert house.one(job.id).elsewhere is None
    house.cancel(waiting.id)
    house.cancel(job.id)
    ended(house, job)
    assert (other.one(job.id).state, other.one(waiting.id).state) == ("cancelled", "cancelled")
    other.close()


def test_a_demo_without_a_name_gets_one_that_no_run_and_no_job_has(open_jobs, places: Places, monkeypatch) -> None:
    sleeps = Command((sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setitem(
        commands.KINDS, "train-demo",
        (commands.KINDS["train-demo"][0], lambda told, where: replace(sleeps, run=told["name"])),
    )  # fmt: skip
    (places.checkpoints / "demo").mkdir(parents=True)
    (places.runs / "demo-2").mkdir(parents=True)
    house = open_jobs()
    assert [house.start("train-demo", {}).run for _ in range(2)] == ["demo-3", "demo-4"]
    for name in ("demo", "demo-2", "demo-3"):
        with pytest.raises(WrongParameters, match="choose another name"):
            house.start("train-demo", {"name": name})


@pytest.mark.parametrize(
    ("kind", "parameters", "param"),
    [
        ("rm -rf /", {}, "kind"),
        ("check", {}, "model"),
        ("check", {"model": "../secrets"}, "model"),
        ("check", {"model": "sft/tiny", "command": "sh"}, "parameters.command"),
        ("export", {"model": "sft/tiny", "name": "../out"}, "name"),
        ("export", {"model": "sft/tiny", "name": ".hidden"}, "name"),
        ("export", {"model": "sft/tiny", "dtype": "int3"}, "dtype"),
        ("train-demo", {"steps": 0}, "steps"),
        ("train-demo", {"steps": "9; reboot"}, "steps"),
        ("train-demo", {"name": "a b"}, "name"),
    ],
)
def test_only_what_is_in_the_table_is_started(open_jobs, kind: str, parameters: dict, param: str) -> None:
    house = open_jobs()
    with pytest.raises(WrongParameters) as refused:
        house.start(kind, parameters)
    assert refused.value.param == param
    assert house.all() == []


def test_a_job_that_is_not_there_is_said_so(open_jobs) -> None:
    house = open_jobs()
    for ask in (house.one, house.cancel, lambda job_id: house.log(job_id, 0)):
        with pytest.raises(UnknownJob):
            ask("../../etc")
