/** Reads streams as the page does: a line of stdin is a JSON list of base64 chunks, a line of stdout the list of events. */

import { createInterface } from "node:readline";
import { readEvents } from "../../chat/static/js/sse.js";

/** @param {string[]} chunks */
function bodyOf(chunks) {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new Uint8Array(Buffer.from(chunk, "base64")));
      controller.close();
    },
  });
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const events = [];
  for await (const { event, data, id } of readEvents(bodyOf(JSON.parse(line)))) events.push([event, data, id]);
  process.stdout.write(`${JSON.stringify(events)}\n`);
}
