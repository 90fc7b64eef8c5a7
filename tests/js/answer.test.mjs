/** What the events of a run make of an answer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerAfter, freshId, pendingAnswer, pendingQuestion } from "../../chat/static/js/answer.js";

const pending = () => pendingAnswer("sft/one", "q1");

test("the events of a run make an answer, and the stored message has the last word", () => {
  const message = { id: "m1", role: "assistant", content: "Hello", status: "complete", html: "<p>Hello</p>" };
  const events = [
    { type: "progress", stage: "loading", fraction: 0.5, queue_position: 0 },
    { type: "start", run_id: "r", max_new_tokens: 9 },
    { type: "token", text: "Hel" },
    { type: "block", index: 0, html: "<p>Hel</p>", final: false },
    { type: "token", text: "lo" },
    { type: "block", index: 0, html: "<p>Hello</p>", final: true },
    { type: "done", finish_reason: "stop", text: "Hello", message },
  ];
  const answer = events.reduce(answerAfter, pending());
  assert.deepEqual([answer.id, answer.content, answer.status, answer.limit], ["m1", "Hello", "complete", 9]);
  assert.equal(answer.blocks[0].html, "<p>Hello</p>");
});

test("who comes late gets a snapshot in place of the events that are gone", () => {
  const blocks = [
    { index: 0, html: "<p>one</p>", final: true },
    { index: 1, html: "<p>two</p>", final: false },
  ];
  const answer = answerAfter(pending(), { type: "snapshot", text: "one\n\ntwo", blocks });
  assert.deepEqual([answer.content, answer.blocks.length], ["one\n\ntwo", 2]);
});

test("an answer that could not be stored keeps what the event says", () => {
  const partial = answerAfter(pending(), { type: "token", text: "Half" });
  const stopped = answerAfter(partial, { type: "done", finish_reason: "cancelled" });
  assert.deepEqual([stopped.content, stopped.status], ["Half", "cancelled"]);
  const failed = answerAfter(partial, { type: "error", error: { code: "worker_failed", message: "it broke" } });
  assert.deepEqual([failed.content, failed.status, failed.error.message], ["Half", "failed", "it broke"]);
});

test("an event that a newer server sends changes nothing", () => {
  const answer = pending();
  assert.equal(answerAfter(answer, { type: "surprise" }), answer);
});

test("an id of ours is one that the server takes", () => {
  const ids = new Set(Array.from({ length: 100 }, freshId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{8,64}$/);
});

test("another version counts itself among its siblings", () => {
  const question = pendingQuestion("b", null, ["a1"]);
  assert.deepEqual(question.siblings, ["a1", question.id]);
});
