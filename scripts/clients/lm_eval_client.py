"""`lm-eval`: the same log-likelihoods through the server as in its own Hugging Face backend."""

from __future__ import annotations

import json
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from scripts.clients.trial import Place, check, trials

TASK = "which_comes_next"
TOLERANCE = 1e-3
QUESTIONS = [
    {"question": "The cat sat on the", "choices": [" mat", " moon", " idea"], "answer": 0},
    {"question": "Two and two make", "choices": [" four", " five", " a crowd of people"], "answer": 0},
    {"question": "Паровоз едет по", "choices": [" рельсам", " небу"], "answer": 0},
    {"question": "猫が", "choices": ["好き", "嫌い", "。"], "answer": 0},
]


def likelihoods(place: Place) -> None:
    """local-completions on a multiple-choice task: each log-likelihood within 1e-3 of the hf backend's, float32"""
    tasks = place.scratch / "tasks"
    tasks.mkdir(exist_ok=True)
    data = tasks / "questions.json"
    data.write_text("\n".join(map(json.dumps, QUESTIONS)))
    task = {
        "task": TASK, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}", "doc_to_target": "{{answer}}", "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    }  # fmt: skip
    (tasks / f"{TASK}.yaml").write_text(json.dumps(task))
    server = {"model": place.model, "base_url": f"{place.v1}/completions", "tokenizer": str(place.checkpoint)}
    ours = evaluated(place, "local-completions", {**server, "num_concurrent": 2, "max_retries": 1})
    theirs = evaluated(place, "hf", {"pretrained": str(place.checkpoint), "dtype": "float32", "device": "cpu"})
    check(len(ours) == len(theirs) == len(QUESTIONS), "some samples are missing")
    for mine, reference in zip(ours, theirs, strict=True):
        for (logprob, is_greedy), (expected, was_greedy) in zip(mine, reference, strict=True):
            check(abs(logprob - expected) < TOLERANCE, f"{logprob} instead of {expected}")
            check(is_greedy == was_greedy, "they differ on what is most probable")


def evaluated(place: Place, model: str, arguments: dict[str, Any]) -> list[list[tuple[float, bool]]]:
    """The (log-likelihood, is greedy) of every choice of every question."""
    manager = TaskManager(include_path=str(place.scratch / "tasks"), include_defaults=False)
    found = simple_evaluate(model=model, model_args=arguments, tasks=[TASK], task_manager=manager, bootstrap_iters=0)
    samples = sorted(found["samples"][TASK], key=lambda sample: sample["doc_id"])
    return [[(float(logprob), bool(greedy)) for logprob, greedy in sample["filtered_resps"]] for sample in samples]


TRIALS = trials("lm_eval", likelihoods)
