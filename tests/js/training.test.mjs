/** The arithmetic behind the page of trainings: smoothing, charts, logs, comparisons, and what its address keeps. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { countedFrom, CurveStore, namesFor } from "../../chat/static/js/training/curves.js";
import { differences, flattened } from "../../chat/static/js/training/differences.js";
import { cut, isWanted, levelOf, worded } from "../../chat/static/js/training/log-lines.js";
import {
  acrossAxis, bandPath, indexAt, linePath, logTicks, missing, nearest, rangeOf, timeTicks, valueAxis, valuesOf, within, zoomed,
} from "../../chat/static/js/training/plot.js";
import { smoothed } from "../../chat/static/js/training/smoothing.js";
import { isGoing, isWorking, TrainingStore } from "../../chat/static/js/training/store.js";
import { queryOf, shownIds, viewFrom, withValue } from "../../chat/static/js/training/view.js";

const same = (value) => value;
const points = (...values) => values.map((value, x) => [x, value, value, value]);

test("a constant curve stays as it is when it is smoothed, from its first point on", () => {
  for (const [, value] of smoothed(points(3, 3, 3, 3), 0.95)) assert.ok(Math.abs(value - 3) < 1e-9);
});

test("smoothing follows the values and passes over what is no number", () => {
  const even = smoothed([[0, 4, 4, 4], [1, null, null, null], [2, 2, 2, 2]], 0.5);
  assert.equal(even[0][1], 4);
  assert.equal(even[1][1], null);
  assert.ok(Math.abs(even[2][1] - 8 / 3) < 1e-9); // (0.25 * 4 + 0.5 * 2) / 0.75
});

test("a line is broken where a value is missing, and the place is known", () => {
  const broken = points(1, null, 3);
  assert.equal(linePath(broken, same, same), "M0.0 1.0M2.0 3.0");
  assert.deepEqual(missing(broken), [1]);
});

test("a spike within a point is in the band and in the scale", () => {
  const spiked = [[0, 2, 2, 2], [1, 2, 1.9, 9], [2, 2, 2, 2]];
  assert.ok(bandPath(spiked, same, same).includes("1.0 9.0"));
  const [low, high] = valuesOf([spiked], false);
  assert.ok(low < 1.9 && high > 9);
  assert.ok(valuesOf([spiked], false, true)[1] < 3);
});

test("a log scale leaves out what has no logarithm", () => {
  const [low, high] = valuesOf([points(-1, 0, 0.01, 10)], true);
  assert.ok(low > 0.005 && low < 0.01 && high > 10);
  const axis = valueAxis([0.01, 100], [100, 0], true, 5);
  assert.deepEqual([0.01, 1, 100].map((value) => Math.round(axis.at(value))), [100, 50, 0]);
  assert.equal(axis.at(-5), 100);
  assert.ok(Math.abs(axis.back(50) - 1) < 1e-9);
});

test("ticks of a log scale are few and round", () => {
  assert.deepEqual(logTicks(0.9, 110, 5), [1, 2, 5, 10, 20, 50, 100]);
  assert.deepEqual(logTicks(1e-8, 1, 4), [1e-8, 1e-6, 1e-4, 0.01, 1]);
  assert.deepEqual(logTicks(2, 3, 4), [2, 2.5, 3]);
});

test("ticks of time are those of a clock", () => {
  assert.deepEqual(timeTicks(0, 100, 4), [0, 30, 60, 90]);
  assert.deepEqual(timeTicks(0, 7200, 4), [0, 1800, 3600, 5400, 7200]);
  assert.deepEqual(timeTicks(5, 5, 4), [5]);
});

test("points are found by their place", () => {
  const line = points(5, 6, 7, 8);
  assert.equal(indexAt(line, 1.5), 2);
  assert.deepEqual([nearest(line, 1.4)[0], nearest(line, 1.6)[0], nearest(line, 99)[0], nearest([], 1)], [1, 2, 3, null]);
  assert.deepEqual(within(line, [1.2, 1.8]).map(([x]) => x), [1, 2]);
  assert.deepEqual(rangeOf([line, [], points(1)]), [0, 3]);
  assert.equal(rangeOf([[]]), null);
  assert.equal(acrossAxis([0, 10], [0, 100], "step", 5).at(5), 50);
});

test("a zoom stays within the whole and ends where all is seen", () => {
  assert.deepEqual(zoomed([0, 100], [0, 100], { factor: 0.5, around: 10 }), [5, 55]);
  assert.deepEqual(zoomed([0, 50], [0, 100], { by: -1 }), [0, 50]);
  assert.deepEqual(zoomed([40, 90], [0, 100], { by: 1 }), [50, 100]);
  assert.equal(zoomed([20, 70], [0, 100], { factor: 2 }), null);
});

test("a log's lines wait for their end, and a bar that draws itself anew is one line", () => {
  const first = cut("", "one\ntw");
  assert.deepEqual([first.lines.map(({ text }) => text), first.rest], [["one"], "tw"]);
  assert.deepEqual(cut(first.rest, "o\r\n10%\r20%\r\n").lines.map(({ text }) => text), ["two", "20%"]);
});

test("a log's lines are sifted by level and words", () => {
  assert.deepEqual(["loss is nan", "ValueError: x", "WARNING slow", "step 1"].map(levelOf), ["error", "error", "warning", "info"]);
  const line = { text: "Step 12 loss 3.1", level: "info" };
  assert.deepEqual([isWanted(line, "all", "LOSS step"), isWanted(line, "all", "eval"), isWanted(line, "error", "")], [true, false, false]);
  assert.ok(isWanted({ text: "x", level: "error" }, "warning", ""));
});

test("a line of JSON is told in words, and what only looks like one is left alone", () => {
  assert.match(worded('{"step": 3, "loss": 0.43231657, "event": "batch_end", "at": 1.5, "writer": "x"}'), /^\d\d:\d\d:\d\d  batch_end  step 3  loss 0.43232$/);
  assert.deepEqual(["{cut", "{not json}", "plain"].map(worded), ["{cut", "{not json}", "plain"]);
});

test("configurations differ by the names of what differs", () => {
  const found = differences([{ lr: 1, model: { layers: 4, heads: 2 } }, { lr: 2, model: { layers: 4 } }]);
  assert.deepEqual(found, [{ name: "lr", values: ["1", "2"] }, { name: "model.heads", values: ["2", null] }]);
  assert.deepEqual([...flattened(null)], []);
});

test("the address keeps how the runs are looked at", () => {
  const query = "?run=a%2Fb&with=c&x=time&log=1&fit=1&smooth=0.9&curve=grad_norm&zoom=10~20.5";
  const view = viewFrom(query);
  assert.deepEqual(view, {
    runId: "a/b", compared: ["c"], axis: "time", isLog: true, isFitted: true, smoothing: 0.9, metrics: ["grad_norm"], range: [10, 20.5],
  });
  assert.deepEqual(viewFrom(`?${queryOf(view)}`), view);
  assert.deepEqual(shownIds({ ...view, compared: ["c", "a/b"] }), ["a/b", "c"]);
  assert.deepEqual(withValue(withValue(["a"], "b", true), "a", false), ["b"]);
});

test("an address that makes no sense shows what is usual", () => {
  const view = viewFrom("?x=color&smooth=7&zoom=5~1");
  assert.deepEqual([view.axis, view.smoothing, view.range], ["step", 0.99, null]);
});

test("the store takes runs, changes and what is gone, the newest first", () => {
  const store = new TrainingStore();
  store.take({ runs: [{ id: "a", state: "running" }] });
  store.take({ run: { id: "b", state: "paused" } });
  store.take({ run: { id: "a", state: "finished" } });
  assert.deepEqual(store.runs.map(({ id, state }) => [id, state]), [["b", "paused"], ["a", "finished"]]);
  store.take({ id: "b" });
  assert.equal(store.run("b"), null);
  assert.deepEqual([isGoing({ state: "stalled" }), isGoing({ state: "failed" }), isWorking({ state: "queued" })], [true, false, true]);
});

test("time is counted from a run's first point", () => {
  const counted = countedFrom({ series: [{ name: "loss", kind: "train_loss", points: [[1000, 1, 1, 1]] }], marks: [{ x: 1010 }, { x: null }] }, 1000);
  assert.equal(counted.series[0].points[0][0], 0);
  assert.deepEqual(counted.marks.map(({ x }) => x), [10, null]);
});

const LOSS = { name: "loss", kind: "train_loss" };

function curvesAsked() {
  const asked = [];
  const fetchCurves = async (id, names, axis, most, range) => {
    asked.push([id, range]);
    return { series: [{ ...LOSS, points: Array.from({ length: most }, (_, x) => [x, 1, 1, 1]) }] };
  };
  return { asked, fetchCurves };
}

test("only the curves that are looked at are fetched, once, and in detail where one zooms", async () => {
  const { asked, fetchCurves } = curvesAsked();
  const run = { id: "a", metrics: [LOSS, { name: "x", kind: "metric" }], checkpoints: [], updated_at: 1, step: 1, state: "running" };
  assert.deepEqual([namesFor(run, []), namesFor(run, ["x"])], [["loss"], ["loss", "x"]]);
  await new Promise((changed) => {
    const store = new CurveStore(fetchCurves, () => changed(assert.ok(store.of("a", [5, 9]).detail)));
    store.want([run], { metrics: [], axis: "step", range: [5, 9] });
    store.want([run], { metrics: [], axis: "step", range: [5, 9] });
    assert.equal(store.of("a", null).curves, null);
  });
  assert.deepEqual(asked, [["a", null], ["a", [5, 9]]]);
});
