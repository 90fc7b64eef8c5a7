/** How what goes wrong on the way becomes one kind of error. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, generate, loadModel } from "../../chat/static/js/api.js";
import { speak } from "./speaking.mjs";

speak("en");

const REFUSAL = {
  error: { type: "invalid_request_error", code: "out_of_range", message: "no", param: "top_k", hint: "less" },
};

/**
 * Let fetch answer with this, and remember what it was asked.
 * @param {import("node:test").TestContext} context
 * @param {() => Response} answer
 */
function answering(context, answer) {
  const fetched = context.mock.method(globalThis, "fetch", async () => answer());
  return () => fetched.mock.calls.map(({ arguments: [path, options] }) => [path, JSON.parse(options.body ?? "null")]);
}

/** @param {string} text */
const stream = (text) =>
  new Response(text, { headers: { "content-type": "text/event-stream", "x-request-id": "q1", "x-run-id": "r1" } });

async function eventsOf(body) {
  const events = [];
  for await (const event of generate(body, new AbortController().signal)) events.push(event.type);
  return events;
}

test("a refusal keeps the server's words, its code, its field and the request's id", async (context) => {
  answering(context, () => Response.json(REFUSAL, { status: 400, headers: { "x-request-id": "q7" } }));
  const expected = { message: "no", code: "out_of_range", param: "top_k", hint: "less", requestId: "q7" };
  await assert.rejects(eventsOf({}), expected);
});

test("a refusal without a reason still says something", async (context) => {
  answering(context, () => new Response("<h1>", { status: 502, statusText: "Bad Gateway" }));
  await assert.rejects(eventsOf({}), { code: "http_502" });
});

test("a server that is not there is said to be out of reach", async (context) => {
  context.mock.method(globalThis, "fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  await assert.rejects(loadModel("a"), { code: "server_unreachable" });
});

test("an answer ends with done", async (context) => {
  answering(context, () =>
    stream('data: {"type":"token","text":"a"}\n\ndata: {"type":"done"}\n\ndata: {"type":"late"}\n\n'),
  );
  assert.deepEqual(await eventsOf({}), ["accepted", "token", "done"]);
});

test("an error event is thrown with the request's id", async (context) => {
  answering(context, () => stream(`data: {"type":"error","error":${JSON.stringify(REFUSAL.error)}}\n\n`));
  await assert.rejects(eventsOf({}), { code: "out_of_range", requestId: "q1" });
});

test("a stream that ends without done or error was cut", async (context) => {
  answering(context, () => stream('data: {"type":"token","text":"a"}\n\n'));
  await assert.rejects(eventsOf({}), (error) => error instanceof ApiError && error.code === "connection_cut");
});

test("an event that is not JSON is an error, not a silence", async (context) => {
  answering(context, () => stream("data: {oops\n\n"));
  await assert.rejects(eventsOf({}), { code: "bad_event" });
});

test("an id keeps its slashes and nothing else of its own", async (context) => {
  const asked = answering(context, () => Response.json({}));
  await loadModel("run one/step#5?.pt");
  assert.equal(asked()[0][0], "/api/models/run%20one/step%235%3F.pt/load");
});
