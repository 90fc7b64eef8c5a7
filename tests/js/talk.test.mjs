/** How an answer is asked for, followed and stopped. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../chat/static/js/http.js";
import { Store } from "../../chat/static/js/store.js";
import { Talk } from "../../chat/static/js/talk.js";
import { speak } from "./speaking.mjs";

speak("en");
const MODEL = { id: "sft/one", name: "one", group: "SFT", status: { id: "sft/one", state: "ready" } };
const LISTING = { models: [MODEL], groups: [], scan: { skipped: [] }, memory: {}, default: MODEL.id, current: null };
const DONE = { type: "done", finish_reason: "stop", text: "Hello" };

/** A talk over a server that answers with these events, and what it was asked. */
function talking({ events = [DONE], refuse = null } = {}) {
  const store = new Store();
  store.dispatch({ type: "models/listed", listing: LISTING });
  const asked = [];
  const given = [];
  const answered = (name) => async (...parts) => {
    asked.push([name, ...parts]);
    if (refuse) throw refuse;
    const answer = { id: "a1", role: "assistant", content: "", status: "streaming", model: MODEL.id, conversation_id: "c1" };
    return { run_id: "r1", user_message: null, assistant_message: answer };
  };
  const api = {
    createConversation: async () => ({ id: "c1" }),
    postMessage: answered("post"),
    answerMessage: answered("answer"),
    editMessage: async (id, content) => ({ id: "q2", role: "user", content, status: "complete" }),
    async *runEvents() {
      for (const event of events) yield { event, number: 0 };
    },
  };
  const cancelRun = async (id) => void asked.push(["cancel", id]);
  const giveBack = (text) => given.push(text) > 0;
  const rest = { refresh: async () => undefined, changed: () => undefined, named: (id) => asked.push(["named", id]) };
  const talk = new Talk({ store, api, cancelRun, giveBack, ...rest });
  const messages = () => store.state.conversation.messages;
  return { store, talk, asked, given, messages };
}

test("a first question makes a conversation, is asked under an id of its own, and is answered", async () => {
  const { talk, asked, messages, store } = talking();
  await talk.ask("Hi");
  assert.deepEqual(asked[0], ["named", "c1"]);
  const [, id, body] = asked[1];
  assert.deepEqual([id, body.content, body.parent_id, body.model], ["c1", "Hi", null, MODEL.id]);
  assert.match(body.id, /^[a-z0-9]{20,}$/);
  assert.deepEqual(messages().map(({ content }) => content), ["Hi", "Hello"]);
  assert.equal(store.state.run, null);
});

test("a completion is asked for raw, and a beginning goes with the question", async () => {
  const raw = talking();
  await raw.talk.ask("Once", { raw: true });
  assert.equal(raw.asked[1][2].raw, true);
  const begun = talking();
  await begun.talk.ask("Hi", { prefill: "Well," });
  assert.equal(begun.asked[1][2].prefill, "Well,");
});

test("a question that the server refuses goes back to the composer, and the page says why", async () => {
  const refuse = new ApiError({ message: "too long", code: "context_length_exceeded" });
  const { talk, given, messages, store } = talking({ refuse });
  await talk.ask("Hi");
  assert.deepEqual([given, messages()], [["Hi"], []]);
  assert.equal(store.state.notice.message, "Too long");
  assert.equal(store.state.run, null);
});

test("stop before the server has taken the question stops it as soon as it has", async () => {
  const { talk, asked } = talking();
  const asking = talk.ask("Hi");
  await talk.stop();
  await asking;
  assert.ok(asked.some(([name, id]) => name === "cancel" && id === "r1"));
});

test("only one answer is asked for at a time", async () => {
  const { talk, asked } = talking();
  await Promise.all([talk.ask("one"), talk.ask("two")]);
  assert.equal(asked.filter(([name]) => name === "post").length, 1);
});

test("another answer stands beside the first, and may come from another checkpoint", async () => {
  const { talk, asked, messages } = talking();
  await talk.ask("Hi");
  const [, first] = messages();
  await talk.regenerate(first, "rl/two");
  assert.deepEqual(asked.at(-1), ["answer", "a1", "regenerate", { model: "rl/two" }]);
  assert.equal(messages().length, 2);
  assert.equal(messages()[1].siblings.length, 2);
});

test("a question in other words is another version, and is answered", async () => {
  const { talk, asked, messages } = talking();
  await talk.ask("Hi");
  await talk.askOtherwise(messages()[0], "Hello");
  assert.deepEqual(asked.at(-1).slice(0, 3), ["answer", "q2", "regenerate"]);
  assert.deepEqual(messages().map(({ content }) => content), ["Hello", "Hello"]);
});

test("an answer that is cut goes on in its place", async () => {
  const { talk, asked, messages } = talking();
  await talk.ask("Hi");
  await talk.goOn({ ...messages()[1], status: "cancelled" });
  assert.deepEqual(asked.at(-1).slice(0, 3), ["answer", "a1", "continue"]);
  assert.equal(messages().length, 2);
});
