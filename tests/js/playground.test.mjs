/** What the playground makes of a run's events, of probabilities, and of what cannot be seen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { curlOf } from "../../chat/static/js/playground/curl.js";
import { levelOf, probabilityOf } from "../../chat/static/js/playground/levels.js";
import { after, asked, pace, promptWith } from "../../chat/static/js/playground/run.js";
import { visible, visiblePieces } from "../../chat/static/js/playground/visible.js";

const scored = (id, text, logprob) => ({ id, text, logprob, top: [{ id, text, logprob }] });
const EVENTS = [
  [{ type: "accepted", run_id: "r1" }, 5],
  [{ type: "start", run_id: "r1", model: "m", seed: 7, prompt_tokens: 4, cached_tokens: 1 }, 9],
  [{ type: "token", text: " a", ids: [1], index: 0, tokens: [scored(1, " a", Math.log(0.5))] }, 20],
  [{ type: "token", text: "é!", ids: [2, 3], index: 2, tokens: [scored(2, "", -1), scored(3, "é!", -2)] }, 50],
];
const run = (events) => events.reduce((completion, [event, at]) => after(completion, event, at), asked("Say"));

test("a run's events become numbered tokens with their probability and the time since the one before", () => {
  const { tokens, text, phase, promptTokens, cachedTokens, seed } = run(EVENTS);
  assert.deepEqual(tokens.map((token) => [token.index, token.id, token.text]), [[1, 1, " a"], [2, 2, ""], [3, 3, "é!"]]);
  assert.ok(Math.abs(tokens[0].probability - 0.5) < 1e-12);
  assert.deepEqual(tokens.map((token) => token.milliseconds), [20, 30, 0]);
  assert.deepEqual([text, phase, promptTokens, cachedTokens, seed], [" aé!", "writing", 4, 1, 7]);
});

test("tokens without log-probabilities are rows all the same", () => {
  const { tokens } = run([[{ type: "token", text: "hi", ids: [8, 9], index: 1 }, 3]]);
  assert.deepEqual(tokens.map(({ id, text, probability }) => [id, text, probability]), [[8, "", null], [9, "hi", null]]);
});

test("at the end the server's own clock is believed", () => {
  const usage = { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7, cached_tokens: 2 };
  const done = { type: "done", finish_reason: "length", text: "x", usage, timings: { tokens_per_second: 50 } };
  const ended = run([...EVENTS, [done, 60]]);
  assert.deepEqual(pace(ended), { millisecondsPerToken: 20, tokensPerSecond: 50 });
  assert.deepEqual([ended.phase, ended.finishReason, ended.cachedTokens], ["done", "length", 2]);
});

test("the pace counts from the first token, and there is none before the second", () => {
  assert.deepEqual(pace(run(EVENTS)), { millisecondsPerToken: 15, tokensPerSecond: 1000 / 15 });
  assert.equal(pace(run(EVENTS.slice(0, 3))).tokensPerSecond, null);
});

test("another choice keeps what stood before it and nothing after", () => {
  assert.equal(promptWith("Say", run(EVENTS).tokens, 0, " the"), "Say the");
  assert.equal(promptWith("Say", run(EVENTS).tokens, 2, "?"), "Say a?");
});

test("levels go from sure to surprising, and a token without a probability has none", () => {
  assert.deepEqual([1, 0.8, 0.79, 0.2, 0.05, 0.049, 0].map(levelOf), [0, 0, 1, 2, 3, 4, 4]);
  assert.deepEqual([levelOf(null), levelOf(Number.NaN)], [null, null]);
  assert.deepEqual([probabilityOf(0), probabilityOf(1e-9), probabilityOf(null), probabilityOf(undefined)], [1, 1, null, null]);
});

test("what cannot be seen gets a sign, and the rest stays as it is", () => {
  assert.equal(visible(" a\n\tb"), "·a↵⇥b");
  assert.equal(visible("\u0000\u200b\u202e\ufeff"), "␀\\u{200b}\\u{202e}\\u{feff}");
  assert.equal(visible("é你🙂"), "é你🙂");
  assert.deepEqual(visiblePieces("a b"), [
    { text: "a", isSign: false },
    { text: "·", isSign: true },
    { text: "b", isSign: false },
  ]);
});

test("a request becomes a command that a shell takes as it is", () => {
  const command = curlOf("http://127.0.0.1:5001", "/api/generate", { prompt: "it's $HOME", stream: true });
  assert.equal(
    command,
    "curl -N http://127.0.0.1:5001/api/generate -H 'Content-Type: application/json' \\\n" +
      `  -d '{"prompt":"it'\\''s $HOME","stream":true}'`,
  );
  assert.equal(curlOf("http://h", "/a b", null), "curl 'http://h/a b'");
});
