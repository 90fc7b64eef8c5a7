"""Made-up training runs for the page in a test's hands: what the server's routes would answer."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
CONFIGS = {
    "demo": {"lr": 3e-4, "batch": {"size": 32}, "seed": 1},
    "older": {"lr": 1e-3, "batch": {"size": 32}, "seed": 1},
}
LOG = "\n".join(f"iter {step}: loss {4 - step / 400:.3f}" for step in range(0, 1000, 10)) + "\nWARNING: slow disk\n"


def run(run_id: str = "demo", **other: Any) -> Json:
    """A run under way, as `/api/training/runs` tells of it."""
    now = time.time()
    checkpoints = [
        {"id": f"{run_id}/step-{step}.pt", "step": step, "size_bytes": 6_400_000, "modified_at": now - 900 + step}
        for step in (100, 200, 300)
    ]
    return {
        "id": run_id, "name": run_id, "state": "running", "step": 360, "total_steps": 1000, "epoch": 0.36,
        "total_epochs": 1, "progress": 0.36, "eta_seconds": 95.0, "tokens_per_second": 5321.0,
        "losses": {"train": 2.13, "validation": 2.2, "best_validation": 2.2, "best_validation_step": 350},
        "learning_rate": 0.0003, "started_at": now - 700, "updated_at": now, "kinds": ["events"],
        "metrics": [
            {"name": "loss", "kind": "train_loss"}, {"name": "val_loss", "kind": "validation_loss"},
            {"name": "lr", "kind": "learning_rate"}, {"name": "grad_norm", "kind": "metric"},
        ],
        "warnings": [], "controls": ["pause", "stop", "save", "sample", "scale_lr"], "checkpoints": checkpoints,
        "log": True, "job": None, **other,
    }  # fmt: skip


def older(**other: Any) -> Json:
    """A run that has ended, to compare with."""
    done = {"state": "finished", "step": 1000, "progress": 1.0, "eta_seconds": None, "controls": [], "checkpoints": []}
    losses = {"train": 1.9, "validation": 2.05, "best_validation": 2.01, "best_validation_step": 900}
    return run("older", **{**done, "losses": losses, **other})


def series(name: str, x: str, shift: float = 0.0) -> Json:
    """Curves of 360 steps, with one spike at step 180 and a NaN at step 250."""
    noise, begin = random.Random(name), time.time() - 700

    def across(step: int) -> float:
        return {"step": step, "time": begin + 2 * step, "tokens": 4096 * step}[x]

    def loss(step: int) -> float:
        return 1.9 + shift + 2.4 * math.exp(-step / 120)

    train: list[list[float | None]] = []
    for step in range(1, 361):
        value = loss(step) + noise.uniform(-0.12, 0.12)
        train.append([across(step), value, value - 0.05, 9.5 if step == 180 else value + 0.05])
    train[249] = [across(250), None, None, None]
    validation = [[across(step), loss(step) + 0.08] for step in range(50, 361, 50)]
    rate = [[across(step), 3e-4 * min(1, step / 40) * (1 - step / 1200)] for step in range(1, 361, 4)]
    norm = [[across(step), 0.6 + noise.uniform(0, 0.5)] for step in range(1, 361, 3)]
    marks = [
        {"x": across(step), "step": step, "at": begin + 2 * step, "kind": "checkpoint", "text": f"step-{step}.pt",
         "checkpoint": f"{name}/step-{step}.pt"}
        for step in (100, 200, 300)
    ]  # fmt: skip
    order = {"x": across(230), "step": 230, "at": begin + 460, "kind": "control", "text": "pause", "checkpoint": None}
    return {
        "series": [
            {"name": "loss", "kind": "train_loss", "points": train},
            {"name": "val_loss", "kind": "validation_loss", "points": [[*one, one[1], one[1]] for one in validation]},
            {"name": "lr", "kind": "learning_rate", "points": [[*one, one[1], one[1]] for one in rate]},
            {"name": "grad_norm", "kind": "metric", "points": [[*one, one[1], one[1]] for one in norm]},
        ],
        "marks": [*marks, order],
        "x": x,
    }


class Scene:
    """What the fake server knows; change it, and the page hears of it within a second. `orders` is what was POSTed."""

    def __init__(self, runs: list[Json], jobs: list[Json] | None = None) -> None:
        self.runs, self.jobs, self.orders, self.log = runs, jobs or [], [], LOG
        self.asked: list[str] = []
        self.chats: list[Json] = []

    def serve(self, page: Any) -> None:
        """Stand in for the server's routes of trainings and jobs."""
        page.route(
            "**/api/training/events", lambda route: route.fulfill(content_type="text/event-stream", body=self._stream())
        )
        page.route("**/api/training/runs/**", self._run)
        page.route("**/api/jobs**", self._jobs)
        page.route("**/api/jobs/**", self._jobs)

    def _stream(self) -> str:
        return f"event: runs\ndata: {json.dumps({'type': 'runs', 'runs': self.runs})}\n\n"

    def _run(self, route: Any) -> None:
        path, _, query = route.request.url.partition("/api/training/runs/")[2].partition("?")
        name, _, what = path.rpartition("/")
        self.asked.append(f"{path}?{query}")
        if what == "control":
            self.orders.append({"run": name, **route.request.post_data_json})
            return route.fulfill(status=202, json={"order": {"number": 1}, "run": self.runs[0]})
        answers: dict[str, Callable[[], Json]] = {
            "series": lambda: self._series(name, query),
            "chats": lambda: {"chats": self.chats if name == "demo" else []},
            "config": lambda: {"config": CONFIGS.get(name, {})},
            "log": lambda: self._log(int(query.partition("=")[2])),
        }
        return route.fulfill(json=answers[what]())

    def _series(self, name: str, query: str) -> Json:
        asked = dict(part.split("=") for part in query.split("&"))
        found = series(name, asked["x"], shift=-0.15 if name == "older" else 0.0)
        wanted = asked["names"].split("%2C")
        return {**found, "series": [one for one in found["series"] if one["name"] in wanted]}

    def _log(self, offset: int) -> Json:
        start = max(0, len(self.log) + offset) if offset < 0 else offset
        return {"text": self.log[start:], "next_offset": len(self.log), "end": True, "size": len(self.log)}

    def _jobs(self, route: Any) -> None:
        path = route.request.url.partition("/api/jobs")[2]
        if route.request.method == "POST":
            self.orders.append({"jobs": path, **(route.request.post_data_json or {})})
            return route.fulfill(status=202, json={"job": job("queued")})
        if "/log" in path:
            return route.fulfill(
                json={"text": "epoch 1\nTraceback (most recent call last)\n", "next_offset": 42, "end": True}
            )
        return route.fulfill(json={"jobs": self.jobs, "kinds": ["check", "export", "train-demo"]})


def talk(number: int, step: int, title: str) -> Json:
    """A conversation with a checkpoint of the demo."""
    told = {"conversation": f"c{number}", "title": title, "answers": 2, "answered_at": time.time() - 60 * number}
    return {**told, "checkpoint": f"demo/step-{step}.pt", "step": step}


def job(state: str, **other: Any) -> Json:
    """A job that trains the demo."""
    return {
        "id": "j1", "kind": "train-demo", "state": state, "parameters": {"name": "demo", "steps": 500},
        "stage": "training", "progress": 0.4, "current": 200, "total": 500, "message": "step 200", "created_at": 1.0,
        "started_at": 2.0, "ended_at": None, "exit_code": None, "error": None, "result": None, "log_bytes": 42,
        "run": "demo", **other,
    }  # fmt: skip
