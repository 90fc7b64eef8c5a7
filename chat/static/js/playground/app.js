// @ts-check
/** Wires the playground: one completion at a time, its tokens, the next token, scores, the test of the connection. */

import { ApiError, cancelRun, generate, listModels, modelEvents } from "../api.js";
import { CatalogStore } from "../checkpoints/store.js";
import { required } from "../dom.js";
import { ModelFeed } from "../feed.js";
import { t } from "../i18n.js";
import { inSentences, inWords } from "../words.js";
import * as api from "./api.js";
import { ConnectionView } from "./connection-view.js";
import { Fields } from "./fields.js";
import { NextToken } from "./next-token.js";
import { RequestLog } from "./request-log.js";
import { after, asked, NOTHING, promptWith } from "./run.js";
import { Score } from "./score.js";
import { endWords, Stats } from "./stats.js";
import { workTabs } from "./tabs.js";
import { TokenTable } from "./token-table.js";
import { TokenText } from "./token-text.js";

const ALTERNATIVES = 10;

const store = new CatalogStore();
const fields = new Fields();
const showTab = workTabs(required("tabs", HTMLElement));
const text = new TokenText(required("completion", HTMLElement), continueFrom);
const table = new TokenTable(
  required("token-table", HTMLElement),
  ["number", "text", "id", "probability", "milliseconds"],
  t("playground.tokens_of_completion"),
);
const stats = new Stats(required("stats", HTMLElement));
const log = new RequestLog(required("log", HTMLElement), required("log-tools", HTMLElement));
const nextToken = new NextToken((chosen) => begin(fields.prompt + chosen));
const score = new Score((rows, index, chosen) => begin(promptWith("", rows, index, chosen)));
const connection = new ConnectionView();
const notice = required("notice", HTMLElement);

let completion = NOTHING;
/** @type {string|null} the checkpoint that the server would take */
let usualId = null;
/** @type {AbortController|null} */
let running = null;
let frame = 0;

new ModelFeed(/** @type {any} */ (store), { listModels: listed, modelEvents });
store.addEventListener("catalog", () => {
  const { models, groups, isReachable } = store.state;
  fields.showModels(models, groups, usualId);
  required("lost", HTMLElement).hidden = isReachable;
  drawSoon();
});

required("playground-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) stop();
  else begin(fields.prompt);
});
required("prompt", HTMLTextAreaElement).addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || running) return;
  event.preventDefault();
  begin(fields.prompt);
});
addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && running && stop());
required("look-next", HTMLButtonElement).addEventListener("click", lookNext);
required("score-button", HTMLButtonElement).addEventListener("click", judge);
required("test-connection", HTMLButtonElement).addEventListener("click", () => {
  showTab("panel-connection");
  connection.run(fields.model);
});
required("notice-dismiss", HTMLButtonElement).addEventListener("click", () => (notice.hidden = true));
stats.show(completion, null);

/** @param {boolean} [rescan] */
async function listed(rescan) {
  const listing = await listModels(rescan);
  usualId = listing.current ?? listing.default;
  return listing;
}

/**
 * Complete this prompt from the start; what runs is left, and its compute ends with its connection.
 * @param {string} prompt
 */
async function begin(prompt) {
  running?.abort();
  fields.prompt = prompt;
  const own = (running = new AbortController());
  const body = { model: fields.model, prompt, ...fields.sampling, logprobs: ALTERNATIVES };
  completion = asked(prompt);
  text.clear(prompt);
  table.show([]);
  notice.hidden = true;
  log.begin("/api/generate", { ...body, stream: true });
  const begun = performance.now();
  drawSoon();
  try {
    for await (const event of generate(body, own.signal)) {
      if (running !== own) return;
      log.note(event.type, event);
      completion = after(completion, event, performance.now() - begun);
      drawSoon();
    }
  } catch (error) {
    if (running !== own) return;
    completion = { ...completion, phase: own.signal.aborted ? "done" : "failed", finishReason: "cancelled" };
    if (!own.signal.aborted) fail(error);
  }
  running = null;
  drawSoon();
}

/** The server ends the answer itself, so that its last words come; one that has no number yet is left. */
function stop() {
  if (running === null) return;
  const own = running;
  if (completion.runId === null) return own.abort();
  cancelRun(completion.runId).catch((error) => {
    own.abort();
    fail(error);
  });
}

/**
 * @param {import("./run.js").TokenRow[]} rows
 * @param {number} index
 * @param {string} chosen
 */
function continueFrom(rows, index, chosen) {
  begin(promptWith(completion.prompt, rows, index, chosen));
}

async function lookNext() {
  const body = nextToken.body(fields.model, fields.prompt, fields.sampling);
  await withLog("/api/next_token", body, required("look-next", HTMLButtonElement), async () =>
    nextToken.show(await api.nextToken(body)),
  );
}

async function judge() {
  const body = score.body(fields.model);
  await withLog("/api/score", body, required("score-button", HTMLButtonElement), async () =>
    score.show(await api.score(body)),
  );
}

/**
 * Ask once, with the button held and the log told.
 * @param {string} path
 * @param {object} body
 * @param {HTMLButtonElement} button
 * @param {() => Promise<void>} act
 */
async function withLog(path, body, button, act) {
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  notice.hidden = true;
  log.begin(path, body);
  try {
    await act();
    log.note("←", "200");
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

function drawSoon() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  text.show(completion.tokens);
  table.show(completion.tokens);
  stats.show(completion, fields.chosen?.status.memory_bytes ?? null);
  const button = required("generate", HTMLButtonElement);
  button.dataset.does = running ? "stop" : "generate";
  required("generate-words", HTMLElement).textContent = running ? t("playground.stop") : t("playground.generate");
  required("completion-hint", HTMLElement).hidden = completion.phase !== "idle";
  required("completion", HTMLElement).setAttribute("aria-busy", String(running !== null));
  const status = required("status", HTMLElement);
  const words = completion.phase === "idle" ? "" : endWords(completion);
  if (status.textContent !== words) status.textContent = words;
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof ApiError)) throw error;
  log.note("error", { code: error.code, message: error.message, hint: error.hint });
  const { message, said } = inWords(error);
  if (fields.object(error.param, said ?? message)) return;
  required("notice-words", HTMLElement).textContent = inSentences(error);
  notice.hidden = false;
}
