/** What the event stream parser must hold, whatever pieces the network makes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, readEvents, SilenceError } from "../../chat/static/js/sse.js";

const STREAM =
  '\uFEFFretry: 2000\r\n\r\n: ping\n\nid: 0\nevent: start\ndata: {"a":1}\n\n' +
  "data: first line\rdata:second line\r\revent: token\r\nid: 7\r\ndata: π 😀 語\r\n\r\n" +
  "id: 8\0\ndata\n\nevent: empty\n\ndata: cut";
const EVENTS = [
  { event: "start", data: '{"a":1}', id: "0" },
  { event: "message", data: "first line\nsecond line", id: "0" },
  { event: "token", data: "π 😀 語", id: "7" },
  { event: "message", data: "", id: "7" },
];

/** @param {Uint8Array[]} chunks */
function bodyOf(chunks) {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function readAll(chunks) {
  const events = [];
  for await (const event of readEvents(bodyOf(chunks))) events.push(event);
  return events;
}

test("a stream in one piece gives its events, and drops the block that the end cuts off", () => {
  assert.deepEqual(new EventParser().push(STREAM), EVENTS);
});

test("any split into chunks of bytes gives the same events, also in the middle of a character", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = [];
    for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.slice(start, start + size));
    assert.deepEqual(await readAll(chunks), EVENTS, `chunks of ${size} bytes`);
  }
});

test("every single cut gives the same events", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(await readAll([bytes.slice(0, cut), bytes.slice(cut)]), EVENTS, `cut at ${cut}`);
  }
});

test("a carriage return ends its line at once, without waiting for what may follow", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push("data: now\r\r"), [{ event: "message", data: "now", id: "" }]);
  assert.deepEqual(parser.push("\ndata: next\n\n"), [{ event: "message", data: "next", id: "" }]);
});

test("only the first byte order mark is taken away", () => {
  const parser = new EventParser();
  parser.push("\uFEFF");
  assert.deepEqual(parser.push("data: \uFEFFkept\n\n"), [{ event: "message", data: "\uFEFFkept", id: "" }]);
});

test("one space after the colon is dropped, and no more", () => {
  assert.equal(new EventParser().push("data:  two\n\n")[0].data, " two");
});

test("a stream that says nothing for too long is given up", async () => {
  const silent = new ReadableStream({});
  await assert.rejects(async () => {
    for await (const event of readEvents(silent, 20)) assert.fail(`an event from nowhere: ${event.data}`);
  }, SilenceError);
});

test("a reader that leaves early cancels the body", async () => {
  let isCancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\ndata: 2\n\n")),
    cancel: () => void (isCancelled = true),
  });
  for await (const event of readEvents(body)) {
    assert.equal(event.data, "1");
    break;
  }
  assert.equal(isCancelled, true);
});
