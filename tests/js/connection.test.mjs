/** The test of the connection finds the step that fails, and says why. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { tryConnection } from "../../chat/static/js/playground/connection.js";

/** An outside where all is well and time passes only in pauses and answers. */
function outside(changes = {}) {
  let clock = 0;
  const well = {
    health: async () => ({ status: "ok" }),
    firstBytes: async () => ({ headersAfter: 3, firstBytesAfter: 4 }),
    load: async (id) => ({ id, state: "ready", pid: 11 }),
    status: async (id) => ({ id, state: "ready", pid: 11 }),
    shortAnswer: async function* () {
      for (let index = 0; index < 4; index += 1) {
        clock += 100;
        yield { type: "token", index };
      }
      yield { type: "done", timings: { decode_ms: 300 } };
    },
    now: () => clock,
    pause: async (milliseconds) => {
      clock += milliseconds;
      await new Promise((resolve) => setTimeout(resolve, milliseconds > 1000 ? 30 : 0));
    },
  };
  return { ...well, ...changes };
}

const tried = (changes, model = "m") => tryConnection(model, outside(changes), new AbortController().signal, () => undefined);
const states = (steps) => steps.map((step) => step.state);

test("where all is well, every step says what it measured", async () => {
  const steps = await tried({});
  assert.deepEqual(states(steps), ["well", "well", "well", "well"]);
  assert.deepEqual(steps[1].facts, { milliseconds: 4, gap: 1 });
  assert.deepEqual(steps[3].facts, { milliseconds: 100, tokens: 4, gap: 100 });
});

test("after a step that fails nothing more is tried", async () => {
  const gone = Object.assign(new Error("The server cannot be reached."), { code: "server_unreachable", hint: "Start it." });
  const steps = await tried({ health: () => Promise.reject(gone) });
  assert.deepEqual(states(steps), ["failed", "untried", "untried", "untried"]);
  assert.deepEqual(steps[0].reason, { message: "The server cannot be reached.", code: "server_unreachable", hint: "Start it." });
});

test("a stream whose first bytes do not come is held back by something on the way", async () => {
  const steps = await tried({ firstBytes: () => new Promise(() => undefined) });
  assert.equal(steps[1].reason.code, "stream_buffered");
});

test("a model that is not loaded is loaded, and its progress is told", async () => {
  const answers = ["unloaded", "loading", "ready"].map((state) => ({ state, pid: 5, progress: { fraction: 0.5 } }));
  const told = [];
  const signal = new AbortController().signal;
  const changes = { status: async () => answers.shift(), load: async () => ({ state: "queued" }) };
  const steps = await tryConnection("m", outside(changes), signal, (now) => told.push(now[2].facts.fraction));
  assert.deepEqual(states(steps), ["well", "well", "well", "well"]);
  assert.ok(told.includes(0.5));
});

test("a model that cannot be loaded gives its own reason", async () => {
  const error = { code: "not_enough_memory", message: "it needs 9 GB of 8 GB", hint: "Unload another." };
  const failed = { state: "failed", error };
  const steps = await tried({ status: async () => failed, load: async () => failed });
  assert.deepEqual(states(steps), ["well", "well", "failed", "untried"]);
  assert.deepEqual(steps[2].reason, { message: error.message, code: error.code, hint: error.hint });
});

test("tokens that come all at once after a long time were collected on the way", async () => {
  const bunched = async function* () {
    for (let index = 0; index < 16; index += 1) yield { type: "token", index };
    yield { type: "done", timings: { decode_ms: 900 } };
  };
  assert.equal((await tried({ shortAnswer: bunched }))[3].reason.code, "tokens_bunched");
});

test("no checkpoint, and an answer without a token, are said to be so", async () => {
  assert.equal((await tried({}, null))[2].reason.code, "no_model");
  const silent = async function* () {
    yield { type: "done", timings: {} };
  };
  assert.equal((await tried({ shortAnswer: silent }))[3].reason.code, "no_token");
});
