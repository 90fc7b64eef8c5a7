/** What the store and its reducers must hold. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pendingAnswer, pendingQuestion } from "../../chat/static/js/answer.js";
import { INITIAL, Store } from "../../chat/static/js/store.js";

const status = (id, state = "unloaded", more = {}) => ({
  id,
  state,
  progress: null,
  error: null,
  memory_bytes: 0,
  ...more,
});
const model = (id, more = {}) => ({ id, name: id, group: "SFT", format: "torch", status: status(id), ...more });
const listing = (models, more = {}) => ({
  models,
  groups: ["SFT"],
  scan: { at: 0, seconds: 0, skipped: [] },
  memory: { budget_bytes: 100, used_bytes: 0 },
  default: models[0]?.id ?? null,
  current: null,
  ...more,
});

function storeWith(...models) {
  const store = new Store();
  store.dispatch({ type: "models/listed", listing: listing(models) });
  return store;
}

function asking(store) {
  const question = pendingQuestion("Hi", null);
  const answer = pendingAnswer(store.selected.id, question.id);
  store.dispatch({ type: "run/asked", messages: [question, answer], messageId: answer.id });
  return answer;
}

test("only the parts that changed say so", () => {
  const store = storeWith(model("a"));
  const heard = [];
  for (const part of Object.keys(INITIAL)) store.addEventListener(part, () => heard.push(part));
  store.dispatch({ type: "notice/shown", notice: { message: "m", actions: [] } });
  store.dispatch({ type: "nothing" });
  assert.deepEqual(heard, ["notice"]);
});

test("an answer that grows says so by growth alone, and its end by conversation", () => {
  const store = storeWith(model("a"));
  asking(store);
  const heard = [];
  for (const part of [...Object.keys(INITIAL), "growth"]) store.addEventListener(part, () => heard.push(part));
  store.dispatch({ type: "run/event", event: { type: "token", text: "One" } });
  store.dispatch({ type: "run/event", event: { type: "block", index: 0, html: "<p>One</p>", final: false } });
  assert.deepEqual(heard, ["growth", "growth"]);
  store.dispatch({ type: "run/event", event: { type: "done", text: "One", finish_reason: "stop" } });
  assert.deepEqual(heard, ["growth", "growth", "conversation"]);
});

test("the current model is chosen first, the default one where none is loaded", () => {
  const store = new Store();
  store.dispatch({ type: "models/listed", listing: listing([model("a"), model("b")], { current: "b" }) });
  assert.equal(store.selected.id, "b");
  assert.equal(storeWith(model("a"), model("b")).selected.id, "a");
});

test("a chosen model stays chosen while it is there, and is let go when it is gone", () => {
  const store = storeWith(model("a"), model("b"));
  store.dispatch({ type: "model/selected", id: "b" });
  store.dispatch({ type: "models/listed", listing: listing([model("a"), model("b")]) });
  assert.equal(store.selected.id, "b");
  store.dispatch({ type: "models/listed", listing: listing([model("a")]) });
  assert.equal(store.selected.id, "a");
});

test("a status changes its model and the memory in use", () => {
  const store = storeWith(model("a"), model("b"));
  store.dispatch({ type: "model/status", status: status("b", "ready", { memory_bytes: 40 }) });
  assert.equal(store.state.catalog.models[1].status.state, "ready");
  assert.equal(store.state.catalog.memory.used_bytes, 40);
});

test("a status of a model that is not listed is ignored", () => {
  const store = storeWith(model("a"));
  const before = store.state.catalog;
  store.dispatch({ type: "model/status", status: status("z", "ready") });
  assert.equal(store.state.catalog, before);
});

test("a run shows its model loading and then ready", () => {
  const store = storeWith(model("a"));
  asking(store);
  const progress = { type: "progress", stage: "loading", fraction: 0.4 };
  store.dispatch({ type: "run/event", event: progress, model: "a" });
  assert.deepEqual(store.selected.status.progress, { stage: "loading", fraction: 0.4 });
  store.dispatch({ type: "run/event", event: { type: "start", run_id: "r" }, model: "a" });
  assert.equal(store.selected.status.state, "ready");
});

test("a run has its id and its message when the server has taken it", () => {
  const store = storeWith(model("a"));
  asking(store);
  const asked = { run_id: "r", user_message: null, assistant_message: { id: "m", status: "streaming", content: "" } };
  store.dispatch({ type: "run/accepted", asked });
  assert.deepEqual([store.state.run.id, store.state.run.messageId], ["r", "m"]);
  store.dispatch({ type: "run/event", event: { type: "token", text: "Hi" }, model: "a" });
  assert.equal(store.state.conversation.messages.at(-1).content, "Hi");
});

test("a run that was lost is found with its next event", () => {
  const store = storeWith(model("a"));
  store.dispatch({ type: "run/followed", runId: "r", messageId: "m" });
  store.dispatch({ type: "run/lost" });
  assert.equal(store.state.run.isLost, true);
  store.dispatch({ type: "run/event", event: { type: "token", text: "Hi" }, model: "a" });
  assert.equal(store.state.run.isLost, false);
});

test("what was asked in vain leaves what was there before", () => {
  const store = storeWith(model("a"));
  asking(store);
  store.dispatch({ type: "run/undone", messages: [] });
  assert.deepEqual([store.state.conversation.messages, store.state.run], [[], null]);
});

test("another conversation lets go of the run", () => {
  const store = storeWith(model("a"));
  asking(store);
  store.dispatch({ type: "conversation/loading", id: "c2" });
  assert.deepEqual([store.state.run, store.state.conversation.id], [null, "c2"]);
});

test("a list that was searched meanwhile is told from the whole one", () => {
  const store = new Store();
  store.dispatch({ type: "library/asked", words: "loss", archived: false });
  store.dispatch({ type: "library/listed", entries: [{ id: "c", title: "a" }], next: null });
  store.dispatch({ type: "library/changed", entry: { id: "c", title: "b" } });
  assert.deepEqual([store.state.library.entries[0].title, store.state.library.words], ["b", "loss"]);
  store.dispatch({ type: "library/removed", id: "c" });
  assert.deepEqual(store.state.library.entries, []);
});

test("asking again, and a new chat, take the old notice away", () => {
  const store = storeWith(model("a"));
  store.dispatch({ type: "notice/shown", notice: { message: "m", actions: [] } });
  asking(store);
  assert.equal(store.state.notice, null);
  store.dispatch({ type: "notice/shown", notice: { message: "m", actions: [] } });
  store.dispatch({ type: "conversation/new" });
  assert.equal(store.state.notice, null);
});

test("a server that cannot be reached keeps the list that was there", () => {
  const store = storeWith(model("a"));
  store.dispatch({ type: "models/unreachable" });
  assert.deepEqual([store.state.catalog.reachable, store.state.catalog.phase], [false, "listed"]);
  assert.equal(store.selected.id, "a");
});
