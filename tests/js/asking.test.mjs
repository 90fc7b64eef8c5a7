/** How one answer is led from its question to its end, over a server that follows a script. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../chat/static/js/api.js";
import { Asking } from "../../chat/static/js/asking.js";
import { Store } from "../../chat/static/js/store.js";
import { speak } from "./speaking.mjs";

speak("en");

const MODEL = {
  id: "a",
  name: "a",
  group: "SFT",
  format: "torch",
  chat_template: null,
  status: { id: "a", state: "ready" },
};
const DONE = { type: "done", finish_reason: "stop", text: "Hi", usage: null, timings: null };

/**
 * An asking over a made-up server, with what it was sent and the composer it gives drafts back to.
 * @param {(body: any, signal: AbortSignal) => AsyncGenerator<any, void, void>} generate
 */
function scene(generate) {
  const store = new Store();
  const seen = { store, bodies: [], draft: "", cancelled: [] };
  store.dispatch({
    type: "models/listed",
    listing: { models: [MODEL], groups: [], scan: { skipped: [] }, memory: {}, default: "a", current: null },
  });
  const asking = new Asking({
    store,
    api: {
      generate: (body, signal) => (seen.bodies.push(body), generate(body, signal)),
      cancelRun: async (id) => void seen.cancelled.push(id),
    },
    parameters: () => ({ sampling: { top_k: 1 }, systemPrompt: "Be brief." }),
    giveBack: (text) => seen.draft === "" && ((seen.draft = text), true),
  });
  return { ...seen, seen, asking, messages: () => store.state.conversation.messages };
}

async function* greeting() {
  yield { type: "accepted", run_id: "r" };
  yield { type: "token", text: "Hi" };
  yield DONE;
}

/** Tokens until somebody aborts, as a fetch would end. */
async function* endless(_, signal) {
  yield { type: "accepted", run_id: "r" };
  yield { type: "token", text: "So" };
  await new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("left", "AbortError")));
  });
}

test("a question is sent with the model, the parameters and the system prompt", async () => {
  const { asking, bodies, messages, store } = scene(greeting);
  await asking.ask("Hello");
  assert.deepEqual(bodies[0].messages, [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello" },
  ]);
  assert.deepEqual([bodies[0].model, bodies[0].top_k, bodies[0].prompt], ["a", 1, undefined]);
  assert.deepEqual([messages()[1].content, messages()[1].status, store.state.run], ["Hi", "complete", null]);
});

test("a completion sends the text as it stands and nothing else", async () => {
  const { asking, bodies, store } = scene(greeting);
  store.dispatch({ type: "conversation/mode", mode: "completion" });
  await asking.ask("Once upon");
  assert.deepEqual([bodies[0].prompt, bodies[0].messages], ["Once upon", undefined]);
});

test("a failure before the first word gives the draft back and shows the server's words", async () => {
  const { asking, seen, messages, store } = scene(async function* () {
    throw new ApiError({ message: "too long", code: "context_length_exceeded", hint: "Shorten it." });
  });
  await asking.ask("Hello");
  assert.deepEqual([seen.draft, messages(), asking.isDraftBack], ["Hello", [], true]);
  assert.deepEqual([store.state.notice.message, store.state.notice.hint], ["too long", "Start a new chat, shorten the message, or choose a model with a longer context."]);
  assert.deepEqual(store.state.notice.actions, ["new-chat"]);
});

test("a failure with something else in the composer keeps the question in the transcript", async () => {
  const { asking, seen, messages } = scene(async function* () {
    throw new ApiError({ message: "no", code: "queue_full" });
  });
  seen.draft = "something new";
  await asking.ask("Hello");
  assert.deepEqual(
    messages().map(({ content, status }) => [content, status]),
    [
      ["Hello", "complete"],
      ["", "failed"],
    ],
  );
});

test("a failure in the middle keeps the text that came", async () => {
  const { asking, seen, messages } = scene(async function* () {
    yield { type: "token", text: "Half" };
    throw new ApiError({ message: "it broke", code: "worker_failed" });
  });
  await asking.ask("Hello");
  assert.deepEqual([messages()[1].content, messages()[1].status, seen.draft], ["Half", "failed", ""]);
});

test("Stop asks the server and reads on to the end", async () => {
  let isTold = () => undefined;
  const told = new Promise((resolve) => (isTold = resolve));
  const { asking, messages, cancelled } = scene(async function* () {
    yield { type: "accepted", run_id: "r7" };
    yield { type: "token", text: "So far" };
    await told;
    yield { ...DONE, finish_reason: "cancelled", text: "So far, so good" };
  });
  const answered = asking.ask("Hello");
  await new Promise((resolve) => setTimeout(resolve));
  await asking.stop();
  isTold();
  await answered;
  assert.deepEqual(cancelled, ["r7"]);
  assert.deepEqual([messages()[1].content, messages()[1].status], ["So far, so good", "cancelled"]);
});

test("Stop leaves by itself when the server does not end the answer in time", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { asking, messages } = scene(endless);
  const answered = asking.ask("Hello");
  await new Promise((resolve) => setImmediate(resolve));
  await asking.stop();
  assert.equal(messages()[1].status, "streaming");
  context.mock.timers.tick(2000);
  await answered;
  assert.deepEqual([messages()[1].content, messages()[1].status], ["So", "cancelled"]);
});

test("an answer that is asked for again replaces the old one, and gives it back on failure", async () => {
  let isBroken = false;
  const { asking, messages, seen } = scene(async function* () {
    if (isBroken) throw new ApiError({ message: "no", code: "queue_full" });
    yield* greeting();
  });
  await asking.ask("Hello");
  isBroken = true;
  await asking.askAgain();
  assert.deepEqual(
    messages().map(({ content }) => content),
    ["Hello", "Hi"],
  );
  assert.equal(seen.draft, "");
});

test("the question that is asked again is not sent with its old answer", async () => {
  const { asking, bodies } = scene(greeting);
  await asking.ask("Hello");
  await asking.askAgain();
  assert.deepEqual(bodies[1].messages, bodies[0].messages);
});

test("only one answer is written at a time", async () => {
  const { asking, bodies } = scene(greeting);
  await Promise.all([asking.ask("one"), asking.ask("two")]);
  assert.equal(bodies.length, 1);
});
