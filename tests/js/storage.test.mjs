/** What keeping texts must hold when the browser does not play along. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Keeper } from "../../chat/static/js/storage.js";

/** @param {import("node:test").TestContext} context */
const silently = (context) => context.mock.method(console, "warn", () => undefined);

test("what is written can be read", () => {
  const kept = new Map();
  const area = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
  const keeper = new Keeper(() => area);
  assert.equal(keeper.read("a"), null);
  assert.equal(keeper.write("a", "1"), true);
  assert.equal(keeper.read("a"), "1");
});

test("a browser that refuses its storage leaves a memory as long as the page", (context) => {
  silently(context);
  const keeper = new Keeper(() => {
    throw new DOMException("denied", "SecurityError");
  });
  assert.equal(keeper.read("a"), null);
  assert.equal(keeper.write("a", "1"), false);
  assert.equal(keeper.read("a"), "1");
});

test("a full storage does not bring back what it held before", (context) => {
  silently(context);
  const setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const keeper = new Keeper(() => ({ getItem: () => "old", setItem }));
  assert.equal(keeper.write("a", "new"), false);
  assert.equal(keeper.read("a"), "new");
});
