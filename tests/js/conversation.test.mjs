/** What the rules of a conversation must hold. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pendingAnswer, pendingQuestion } from "../../chat/static/js/answer.js";
import * as rules from "../../chat/static/js/conversation.js";

const message = (id, more = {}) => ({
  id,
  parent_id: null,
  role: "assistant",
  content: id,
  status: "complete",
  updated_at: 1,
  siblings: [id],
  ...more,
});
const read = (messages, more = {}) => ({ id: "c", title: "T", system: null, parameters: {}, messages, next: null, ...more });
const opened = (...messages) =>
  rules.conversation(rules.NEW_CONVERSATION, { type: "conversation/read", read: read(messages) }, null);

test("a message that is as it was stays the same object when the conversation is read again", () => {
  const before = opened(message("a"), message("b"));
  const fresh = read([message("a"), message("b", { updated_at: 2, content: "other" })]);
  const after = rules.conversation(before, { type: "conversation/read", read: fresh }, null);
  assert.equal(after.messages[0], before.messages[0]);
  assert.equal(after.messages[1].content, "other");
});

test("what was drawn block by block is not drawn again when it has been stored", () => {
  const blocks = [{ html: "<p>a</p>", text: "", final: true }];
  const before = opened(message("a", { blocks }));
  const fresh = read([message("a", { updated_at: 2 })]);
  const after = rules.conversation(before, { type: "conversation/read", read: fresh }, null);
  assert.equal(after.messages[0].blocks, blocks);
});

test("an answer that we follow is not taken back to what was stored of it", () => {
  const growing = message("a", { status: "streaming", content: "far already" });
  const fresh = read([message("a", { status: "streaming", content: "far", updated_at: 2 })]);
  const after = rules.conversation(opened(growing), { type: "conversation/read", read: fresh }, null);
  assert.equal(after.messages[0].content, "far already");
});

test("the server's messages take the place of those that waited, and keep their versions", () => {
  const question = pendingQuestion("Hi", null, ["q0"]);
  const answer = pendingAnswer("one", question.id);
  const run = { id: null, messageId: answer.id, isStopping: false, isLost: false };
  const asked = { type: "run/asked", messages: [question, answer], messageId: answer.id };
  const waiting = rules.conversation(rules.NEW_CONVERSATION, asked, run);
  const taken = { user_message: message("q1", { role: "user" }), assistant_message: message("a1", { status: "streaming" }) };
  const after = rules.conversation(waiting, { type: "run/accepted", asked: { ...taken, run_id: "r" } }, run);
  assert.deepEqual(after.messages.map(({ id }) => id), ["q1", "a1"]);
  assert.deepEqual(after.messages[0].siblings, ["q0", "q1"]);
  assert.equal(after.messages.some((each) => each.isPending), false);
});

test("earlier messages come before those that are shown", () => {
  const before = opened(message("c"));
  const earlier = { type: "conversation/earlier", read: read([message("a"), message("b")]) };
  const after = rules.conversation({ ...before, earlier: "c" }, earlier, null);
  assert.deepEqual(after.messages.map(({ id }) => id), ["a", "b", "c"]);
  assert.equal(after.earlier, null);
});

test("a new conversation begins with what was set, and with nothing said", () => {
  const fresh = { type: "conversation/new", system: "Be brief.", parameters: { seed: 7 } };
  const after = rules.conversation(opened(message("a")), fresh, null);
  assert.deepEqual([after.id, after.messages, after.system, after.parameters], [null, [], "Be brief.", { seed: 7 }]);
});

test("the versions of a message lie beside each other", () => {
  const middle = message("b", { siblings: ["a", "b", "c"] });
  assert.deepEqual([rules.otherVersion(middle, -1), rules.otherVersion(middle, 1)], ["a", "c"]);
  assert.equal(rules.otherVersion(message("a"), 1), null);
});

test("changing a message that is gone changes nothing", () => {
  const conversation = opened(message("a"));
  assert.equal(
    rules.withMessage(conversation, "nobody", () => assert.fail("called")),
    conversation,
  );
});
