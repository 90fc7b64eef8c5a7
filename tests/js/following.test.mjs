/** How a run is followed over connections that break. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { followRun } from "../../chat/static/js/following.js";
import { ApiError } from "../../chat/static/js/http.js";
import { speak } from "./speaking.mjs";

speak("en");
const token = (number) => ({ number, event: { type: "token", text: String(number) } });
const DONE = { number: 9, event: { type: "done" } };

/** Follows over these connections: lists of events, each ended by nothing or by an error. */
async function follow(...connections) {
  const [from, taken, lost, pauses] = [[], [], [], []];
  const reader = {
    async *events(first) {
      from.push(first);
      for (const each of connections.shift()) {
        if (each instanceof Error) throw each;
        yield each;
      }
    },
    take: (event) => taken.push(event.text ?? event.type),
    lost: () => lost.push(true),
  };
  const wait = async (milliseconds) => pauses.push(milliseconds);
  await followRun(reader, new AbortController().signal, wait);
  return { from, taken, lost: lost.length, pauses };
}

test("a run is read to its end", async () => {
  const { from, taken, lost } = await follow([token(0), token(1), DONE]);
  assert.deepEqual([from, taken, lost], [[0], ["0", "1", "done"], 0]);
});

test("after a break it goes on with the event that comes next", async () => {
  const cut = new ApiError({ message: "cut", code: "connection_cut" });
  const { from, taken, lost } = await follow([token(0), token(1), cut], [token(2)], [DONE]);
  assert.deepEqual([from, taken, lost], [[0, 2, 3], ["0", "1", "2", "done"], 2]);
});

test("the longer a server is away the less often it is asked", async () => {
  const gone = new ApiError({ message: "gone", code: "server_unreachable" });
  const { pauses } = await follow([gone], [gone], [gone], [DONE]);
  assert.ok(pauses[0] < pauses[1] && pauses[1] < pauses[2]);
});

test("a run that the server has forgotten is given up", async () => {
  const forgotten = new ApiError({ message: "no such run", code: "run_not_found" });
  await assert.rejects(follow([token(0), forgotten]), { code: "run_not_found" });
});

test("who looks away hears no more", async () => {
  const controller = new AbortController();
  const reader = {
    async *events() {
      yield token(0);
      controller.abort();
      throw new DOMException("left", "AbortError");
    },
    take: () => undefined,
    lost: () => assert.fail("nothing was lost"),
  };
  await followRun(reader, controller.signal);
});
