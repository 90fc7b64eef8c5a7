/** The arithmetic behind timelines and long lists. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { axes, extent, pathOf, scale, thinned, ticks } from "../../chat/static/js/checkpoints/geometry.js";
import { lineAt, linesBetween, offsetsOf } from "../../chat/static/js/checkpoints/windowing.js";

test("a scale maps there and back, and a single value to the middle", () => {
  const { at, back } = scale(100, 300, 0, 50);
  assert.deepEqual([at(100), at(200), at(300), back(25)], [0, 25, 50, 200]);
  assert.equal(scale(7, 7, 10, 20).at(7), 15);
});

test("the extent leaves out what is not finite", () => {
  assert.deepEqual(extent([3, Number.NaN, 1, Infinity]), [1, 3]);
  assert.equal(extent([Number.NaN]), null);
});

test("ticks are round and lie within the range", () => {
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(3.18, 3.62, 4), [3.2, 3.4, 3.6]);
  assert.deepEqual(ticks(0.0012, 0.0019, 3), [0.0015]);
  assert.deepEqual([ticks(5, 5, 4), ticks(Number.NaN, 1, 4)], [[5], []]);
});

test("thinning keeps every spike", () => {
  const points = Array.from({ length: 10_000 }, (_, step) => [step, step === 5001 ? 99 : step === 7003 ? -99 : 1]);
  const kept = thinned(points, 100);
  assert.ok(kept.length <= 200);
  assert.deepEqual([Math.max(...kept.map(([, value]) => value)), Math.min(...kept.map(([, value]) => value))], [99, -99]);
  assert.deepEqual(kept, [...kept].sort(([one], [other]) => one - other));
});

test("losses that are not finite break no curve", () => {
  const points = thinned([[1, 2], [2, Number.NaN], [3, 4]], 100);
  assert.equal(pathOf(points, (step) => step, (value) => value), "M1.0 2.0L3.0 4.0");
});

test("axes hold all points with some air, also where there is one or none", () => {
  const frame = { width: 100, height: 50, top: 0, right: 0, bottom: 0, left: 0 };
  const { x, y } = axes([0, 10], [1, 3], frame);
  assert.deepEqual([x.at(0), x.at(10)], [0, 100]);
  assert.ok(y.at(1) < 50 && y.at(3) > 0 && y.at(3) < y.at(1));
  assert.equal(axes([5], [2], frame).x.at(5), 50);
  assert.ok(Number.isFinite(axes([], [], frame).y.at(0.5)));
});

test("a window over lines of different heights holds those that are seen and some to spare", () => {
  const offsets = offsetsOf([40, 60, 40, 40, 40]);
  assert.deepEqual(offsets, [0, 40, 100, 140, 180, 220]);
  assert.deepEqual(linesBetween(offsets, 50, 110, 0), { first: 1, end: 3 });
  assert.deepEqual(linesBetween(offsets, 50, 110, 1), { first: 0, end: 4 });
});

test("a window beyond either end, and over nothing, is within the list", () => {
  const offsets = offsetsOf([10, 10]);
  assert.deepEqual(linesBetween(offsets, -500, -400, 0), { first: 0, end: 1 });
  assert.deepEqual(linesBetween(offsets, 900, 950, 0), { first: 1, end: 2 });
  assert.deepEqual(linesBetween(offsetsOf([]), 0, 100, 8), { first: 0, end: 0 });
  assert.deepEqual([lineAt(offsets, 0), lineAt(offsets, 9.9), lineAt(offsets, 10)], [0, 0, 1]);
});
