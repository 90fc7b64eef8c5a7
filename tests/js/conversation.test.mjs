/** What the rules of a conversation must hold. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterReload,
  answerAfter,
  failedAnswer,
  historyOf,
  pendingAnswer,
  question,
  withMessage,
} from "../../chat/static/js/conversation.js";

const MODEL = { id: "sft/one", name: "one" };
const asked = (content, mode = "chat") => question(content, mode);
const answered = (content, parts = {}) => ({ ...pendingAnswer(MODEL, "chat"), content, status: "complete", ...parts });

test("the events of a run make an answer", () => {
  const events = [
    { type: "accepted", run_id: "r" },
    { type: "progress", stage: "loading", fraction: 0.5, queue_position: 0 },
    { type: "start", run_id: "r", max_new_tokens: 9, truncated: false },
    { type: "token", text: "Hel", index: 0 },
    { type: "token", text: "lo", index: 1 },
    { type: "done", finish_reason: "stop", text: "Hello", usage: { completion_tokens: 2 }, timings: { decode_ms: 1 } },
  ];
  const answer = events.reduce(answerAfter, pendingAnswer(MODEL, "chat"));
  assert.equal(answer.content, "Hello");
  assert.equal(answer.status, "complete");
  assert.equal(answer.limit, 9);
  assert.equal(answer.progress, null);
  assert.deepEqual(answer.usage, { completion_tokens: 2 });
});

test("a cancelled run keeps the text that came", () => {
  const partial = answerAfter(pendingAnswer(MODEL, "chat"), { type: "token", text: "Half" });
  const answer = answerAfter(partial, { type: "done", finish_reason: "cancelled" });
  assert.deepEqual([answer.content, answer.status], ["Half", "cancelled"]);
});

test("a failed run keeps the text that came, and the reason", () => {
  const partial = answerAfter(pendingAnswer(MODEL, "chat"), { type: "token", text: "Half" });
  const answer = failedAnswer(partial, { code: "worker_failed", message: "it broke" });
  assert.deepEqual([answer.content, answer.status, answer.error.message], ["Half", "failed", "it broke"]);
});

test("an event that nobody knows is a mistake, not a silence", () => {
  assert.throws(() => answerAfter(pendingAnswer(MODEL, "chat"), { type: "surprise" }), /surprise/);
});

test("the model is sent the system prompt and every turn, with the question last", () => {
  const messages = [asked("a"), answered("b"), asked("c")];
  assert.deepEqual(historyOf(messages, "Be brief."), [
    { role: "system", content: "Be brief." },
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
    { role: "user", content: "c" },
  ]);
});

test("a question whose answer has no text is left out, so that the roles take turns", () => {
  const messages = [asked("a"), answered("", { status: "failed" }), asked("b")];
  assert.deepEqual(historyOf(messages, ""), [{ role: "user", content: "b" }]);
});

test("an answer that was stopped half way stays part of the conversation", () => {
  const messages = [asked("a"), answered("half", { status: "cancelled" }), asked("b")];
  assert.equal(historyOf(messages, "").length, 3);
});

test("completions are no part of the chat", () => {
  const messages = [asked("Once", "completion"), answered(" upon", { mode: "completion" }), asked("Hello")];
  assert.deepEqual(historyOf(messages, ""), [{ role: "user", content: "Hello" }]);
});

test("after a reload an answer that was being written is interrupted, and keeps its text", () => {
  const kept = { id: null, mode: "chat", messages: [asked("a"), answered("so far", { status: "streaming" })] };
  const { conversation, draft } = afterReload(kept);
  assert.deepEqual(
    [conversation.messages[1].status, conversation.messages[1].content, draft],
    ["interrupted", "so far", ""],
  );
});

test("after a reload a question whose answer had no text goes back to the composer", () => {
  const kept = {
    id: "c",
    mode: "chat",
    messages: [asked("a"), answered("b"), asked("c"), answered("", { status: "streaming" })],
  };
  const { conversation, draft } = afterReload(kept);
  assert.deepEqual([conversation.messages.length, draft], [2, "c"]);
});

test("changing a message that is gone changes nothing", () => {
  const conversation = { id: null, mode: "chat", messages: [asked("a")] };
  assert.equal(
    withMessage(conversation, "nobody", () => assert.fail("called")),
    conversation,
  );
});
