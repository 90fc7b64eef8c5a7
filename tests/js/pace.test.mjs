/** How fast tokens come. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../chat/static/js/pace.js";

/** What is said of so many tokens, one each so many milliseconds. */
function said(count, milliseconds, pace = new Pace(), start = 0) {
  const told = [];
  for (let token = 1; token <= count; token += 1) {
    const now = start + token * milliseconds;
    const rate = pace.note(token, now);
    if (rate !== null) told.push([now, rate]);
  }
  return told;
}

test("a steady pace is told as it is", () => {
  const rates = said(200, 20).map(([, rate]) => Math.round(rate));
  assert.deepEqual(new Set(rates), new Set([50]));
});

test("nothing is told of the first moments, and then at most twice a second", () => {
  const times = said(200, 20).map(([now]) => now);
  assert.ok(times[0] >= 800);
  assert.ok(times.length >= 4);
  for (let index = 1; index < times.length; index += 1) assert.ok(times[index] - times[index - 1] >= 500);
});

test("what was long ago does not count", () => {
  const pace = new Pace();
  for (let token = 1; token <= 1000; token += 1) pace.note(token, 1); // all that was missed, at once
  let last = null;
  for (let token = 1001; token <= 1100; token += 1) last = pace.note(token, 100 * (token - 1000)) ?? last;
  assert.ok(Math.abs(last - 10) < 0.5, String(last));
});

test("tokens that all came at one moment have no pace", () => {
  assert.deepEqual(said(50, 0), []);
});
