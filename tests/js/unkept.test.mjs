/** Answers that no database keeps. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pendingAnswer, pendingQuestion } from "../../chat/static/js/answer.js";
import { ApiError } from "../../chat/static/js/http.js";
import { Store } from "../../chat/static/js/store.js";
import { Unkept, requestFor } from "../../chat/static/js/unkept.js";
import { useWords } from "../../chat/static/js/i18n.js";

useWords({ language: "en", phrases: { "errors.run_not_found": "There is no such run." } });

function asking({ raw = false } = {}) {
  const store = new Store();
  store.dispatch({ type: "conversation/new", system: "Be brief.", parameters: { temperature: 0 } });
  store.dispatch({ type: "conversation/unkept" });
  const question = pendingQuestion("Hi", null);
  const answer = pendingAnswer("m", question.id, { raw });
  store.dispatch({ type: "run/asked", messages: [question, answer], messageId: answer.id });
  return { store, question, answer };
}

async function all(events) {
  const found = [];
  for await (const { event } of events) found.push(event);
  return found;
}

test("the messages of the page are what is asked, with the system prompt and the parameters", () => {
  const { store } = asking();
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
  ];
  assert.deepEqual(requestFor(store.state.conversation), { temperature: 0, model: "m", messages });
});

test("a model that goes on with texts gets the text", () => {
  const { store } = asking({ raw: true });
  assert.deepEqual(requestFor(store.state.conversation), { temperature: 0, model: "m", prompt: "Be brief.Hi" });
});

test("an answer comes to its end on the page alone, and the next question goes on from it", async () => {
  const { store, question, answer } = asking();
  const sent = [];
  async function* generate(body) {
    sent.push(body);
    yield { type: "accepted", run_id: "r1" };
    yield { type: "token", text: "Hello" };
    yield { type: "done", text: "Hello", finish_reason: "stop" };
  }
  const unkept = new Unkept(store, generate);
  const asked = await unkept.begin();
  assert.equal(asked.run_id, "r1");
  store.dispatch({ type: "run/accepted", asked });
  for (const event of await all(unkept.events("r1", new AbortController().signal))) {
    store.dispatch({ type: "run/event", event });
  }
  store.dispatch({ type: "run/ended" });
  const { messages, id } = store.state.conversation;
  assert.equal(id, null);
  assert.deepEqual(
    messages.map((message) => [message.id, message.content, message.status, message.isPending]),
    [
      [question.id, "Hi", "complete", false],
      [answer.id, "Hello", "complete", false],
    ],
  );
  assert.equal(sent.length, 1);
});

test("an error of the server ends the answer, and one who leaves ends the run", async () => {
  const { store } = asking();
  async function* failing() {
    yield { type: "accepted", run_id: "r1" };
    throw new ApiError({ message: "too long", code: "context_length_exceeded", hint: "Shorten it." });
  }
  const unkept = new Unkept(store, failing);
  await unkept.begin();
  const error = { message: "too long", code: "context_length_exceeded", hint: "Shorten it." };
  assert.deepEqual(await all(unkept.events("r1", new AbortController().signal)), [{ type: "error", error }]);

  let ended;
  async function* silent(_, signal) {
    yield { type: "accepted", run_id: "r2" };
    ended = new Promise((resolve) => signal.addEventListener("abort", () => resolve("aborted")));
    await ended;
  }
  const left = new Unkept(store, silent);
  await left.begin();
  const leaving = new AbortController();
  const read = all(left.events("r2", leaving.signal));
  leaving.abort();
  await read;
  assert.equal(await ended, "aborted");
});

test("a run is read once", async () => {
  const unkept = new Unkept(asking().store, async function* () {});
  await assert.rejects(all(unkept.events("nobody", new AbortController().signal)), { code: "run_not_found" });
});
