/** Under which heading a conversation stands, and where words are found in it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { byDay, found } from "../../chat/static/js/days.js";
import { speak } from "./speaking.mjs";

speak("en");
const NOW = new Date(2026, 2, 15, 9, 0);
const on = (...date) => new Date(...date).getTime() / 1000;
const titles = (entries) => byDay(entries, NOW).map(({ title }) => title);

test("conversations stand under their day, and pinned ones before all", () => {
  const entries = [
    { id: "p", pinned: true, updated_at: on(2020, 0, 1) },
    { id: "a", updated_at: on(2026, 2, 15, 0, 5) },
    { id: "b", updated_at: on(2026, 2, 14, 23, 55) },
    { id: "c", updated_at: on(2026, 2, 9) },
    { id: "d", updated_at: on(2026, 1, 20) },
    { id: "e", updated_at: on(2025, 10, 3) },
  ];
  const expected = ["Pinned", "Today", "Yesterday", "Previous 7 days", "Previous 30 days", "November 2025"];
  assert.deepEqual(titles(entries), expected);
});

test("a clock that runs ahead does not leave a conversation without a heading", () => {
  assert.deepEqual(titles([{ id: "a", updated_at: on(2026, 2, 16) }]), ["Today"]);
});

test("months are named in the language of the page", () => {
  speak("ru");
  assert.match(titles([{ id: "a", updated_at: on(2025, 10, 3) }])[0], /^Ноябрь 2025/);
  speak("en");
});

test("words are found in any case and script, and may be anything that can be typed", () => {
  const marks = (text, words) => found(text, words).filter((part) => part.isFound).map((part) => part.text);
  assert.deepEqual(marks("A Checkpoint is a checkpoint", "checkpoint"), ["Checkpoint", "checkpoint"]);
  assert.deepEqual(marks("今天天气很好", "天气"), ["天气"]);
  assert.deepEqual(marks("ПРИВЕТ", "привет"), ["ПРИВЕТ"]);
  assert.deepEqual(marks("a.b (c) [d] a-b", "(c) [d] a-b ."), [".", "(c)", "[d]", "a-b"]);
  assert.equal(found("whole <b>text</b>", "x").map((part) => part.text).join(""), "whole <b>text</b>");
});
