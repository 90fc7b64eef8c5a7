// @ts-check
/** Wires the checkpoint browser: the store, the list and its details, and what each action does. */

import { listModels, modelEvents, unloadModel } from "../api.js";
import { required } from "../dom.js";
import { ModelFeed } from "../feed.js";
import { t } from "../i18n.js";
import { inSentences } from "../words.js";
import * as api from "./api.js";
import { Grid } from "./grid.js";
import { linesOf } from "./lines.js";
import { MemoryBar } from "./memory-bar.js";
import { Panel } from "./panel.js";
import { showSkipped } from "./skipped.js";
import { CatalogStore } from "./store.js";
import { Toolbar } from "./toolbar.js";
import { queryOf, sortedBy, viewFrom } from "./view.js";

/** @typedef {import("./view.js").View} View */

const MACHINE_MILLISECONDS = 5000;
const OPEN = "open"; // the checkpoint whose details are shown, in the address

const store = new CatalogStore();
let view = viewFrom(location.search);
/** @type {ReadonlySet<string>} */
let closed = new Set();
let wantedId = new URLSearchParams(location.search).get(OPEN);
let frame = 0;

const panel = new Panel(api, { load, unload }, { closed: afterClose, learned: drawSoon });
const context = () => ({ budget: store.state.memory, fresh: store.state.fresh, openId: panel.openId });
const grid = new Grid(context, { load: (id) => load(id), unload, open, toggle, sort });
const toolbar = new Toolbar(change);
const memory = new MemoryBar(open);
const feed = new ModelFeed(/** @type {any} */ (store), { listModels, modelEvents: changes });

store.addEventListener("catalog", drawSoon);
for (const button of document.querySelectorAll(".rescan")) {
  button.addEventListener("click", () => attempt(() => feed.refresh(true)));
}
required("notice-dismiss", HTMLButtonElement).addEventListener("click", () => (required("notice", HTMLElement).hidden = true));
setInterval(learnMachine, MACHINE_MILLISECONDS);
learnMachine();

/**
 * The server's changes; those of the list are taken here one by one, for a list of thousands is long to fetch anew.
 * @param {AbortSignal} signal
 */
async function* changes(signal) {
  for await (const event of modelEvents(signal)) {
    if (event.type === "status") yield event;
    else if (event.type === "gone") store.dispatch({ type: "model/gone", id: event.id });
    else store.dispatch({ type: "model/changed", model: event });
  }
}

function drawSoon() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const { models, groups, memory: budget, skipped, phase, isReachable } = store.state;
  const { lines, found } = linesOf(models, view, closed, groups);
  grid.show(lines, view);
  toolbar.show(models, view, found);
  showSkipped(skipped);
  memory.show(models, budget);
  required("empty", HTMLElement).hidden = !(phase === "listed" && models.length === 0);
  required("none-found", HTMLElement).hidden = !(models.length > 0 && found === 0);
  required("browser", HTMLElement).hidden = phase === "listed" && models.length === 0;
  required("looking", HTMLElement).hidden = phase !== "loading";
  required("lost", HTMLElement).hidden = isReachable;
  const wanted = store.model(wantedId);
  wantedId = wanted ? null : wantedId;
  if (wanted) open(wanted.id);
  const shown = store.model(panel.openId);
  if (shown) panel.update(shown, models, budget);
}

/** @param {Partial<View>} parts */
function change(parts) {
  view = { ...view, ...parts };
  keepAddress();
  drawSoon();
}

/** @param {string} column */
function sort(column) {
  change(sortedBy(view, column));
}

/** Drawn at once: a key pressed before the next frame must not act on lines that are no longer there. @param {string} key */
function toggle(key) {
  closed = closed.has(key) ? new Set([...closed].filter((each) => each !== key)) : new Set([...closed, key]);
  draw();
}

/** @param {string} id */
function open(id) {
  const model = store.model(id);
  if (!model) return;
  panel.open(model, store.state.models, store.state.memory);
  keepAddress();
  drawSoon();
}

/** @param {string} id */
function afterClose(id) {
  keepAddress();
  draw();
  grid.focus(id);
}

function keepAddress() {
  const query = queryOf(view);
  if (panel.openId) query.set(OPEN, panel.openId);
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

/**
 * The answer is older than what the feed has told since; then it is not believed.
 * @param {string} id
 * @param {{ precision?: string, pinned?: boolean }} [options]
 */
function load(id, options = {}) {
  return attempt(async () => {
    const before = store.model(id)?.status;
    const status = await api.load(id, options);
    if (store.model(id)?.status === before) store.dispatch({ type: "model/status", status });
  });
}

/** @param {string} id */
function unload(id) {
  return attempt(async () => {
    await unloadModel(id);
    await feed.refresh();
  });
}

async function learnMachine() {
  if (document.hidden) return;
  try {
    memory.learn(await api.machineMemory());
    drawSoon();
  } catch (error) {
    console.warn("the machine's memory is not known", error); // the feed tells people that the server is gone
  }
}

/** @param {() => Promise<unknown>} action */
async function attempt(action) {
  const notice = required("notice", HTMLElement);
  try {
    await action();
    notice.hidden = true;
  } catch (error) {
    required("notice-words", HTMLElement).textContent = inSentences(/** @type {import("../http.js").ApiError} */ (error));
    notice.hidden = false;
  }
}

document.title = `${t("common.page_checkpoints")} · Parley`;
