// @ts-check
/** Wires the page of trainings: the store, the list of runs, the chosen run with its charts, and the jobs. */

import { required } from "../dom.js";
import { t } from "../i18n.js";
import { inSentences } from "../words.js";
import * as api from "./api.js";
import { Board } from "./board.js";
import { RunChats } from "./chats.js";
import { Comparison } from "./comparison.js";
import { CurveStore } from "./curves.js";
import { TrainingFeed } from "./feed.js";
import { Happenings } from "./happenings.js";
import { Jobs } from "./jobs.js";
import { LogView } from "./log-view.js";
import { showMachine } from "./machine.js";
import { openMarkMenu } from "./mark-menu.js";
import { RunCheckpoints } from "./run-checkpoints.js";
import { RunHead } from "./run-head.js";
import { RunList } from "./run-list.js";
import { isGoing, TrainingStore } from "./store.js";
import { queryOf, shownIds, viewFrom, withValue } from "./view.js";

/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./view.js").View} View */

const MACHINE_MILLISECONDS = 3000;
const LOG_MILLISECONDS = 2000;
const AGES_MILLISECONDS = 15_000;

const store = new TrainingStore();
let view = viewFrom(location.search);
let frame = 0;
/** A run that a job begins, opened as soon as it is there. @type {string|null} */
let awaitedRun = null;
/** @type {{ id: string, view: LogView, stamp: string }|null} */
let log = null;

const curves = new CurveStore(api.curves, (error) => (error ? complain(error) : drawSoon()));
const list = new RunList({ open, compare: (id, isIn) => change({ compared: withValue(view.compared, id, isIn) }) });
const head = new RunHead((run, act, value) => attempt(() => api.control(run.id, act, value)));
const board = new Board(change, (mark, at) => mark.checkpoint !== null && openMarkMenu(mark.checkpoint, checkpointsNow(), chatsNow(), at));
const chats = new RunChats(api.chats, drawSoon);
const checkpoints = new RunCheckpoints();
const happenings = new Happenings();
const comparison = new Comparison(api.configuration);
const jobs = new Jobs(api, { cancel: (job) => attempt(() => api.cancelJob(job.id)), openRun: open });
const feed = new TrainingFeed(store, api);

store.addEventListener("change", drawSoon);
required("find-run", HTMLInputElement).addEventListener("input", drawSoon);
required("notice-dismiss", HTMLButtonElement).addEventListener("click", () => (required("notice", HTMLElement).hidden = true));
required("log-fold", HTMLDetailsElement).addEventListener("toggle", readLog);
addEventListener("popstate", () => {
  view = viewFrom(location.search);
  drawSoon();
});
for (const form of document.querySelectorAll(".start-demo")) form.addEventListener("submit", startDemo);
setInterval(learnMachine, MACHINE_MILLISECONDS);
setInterval(readLog, LOG_MILLISECONDS);
setInterval(drawSoon, AGES_MILLISECONDS); // what was a minute ago is two minutes ago now
learnMachine();

function drawSoon() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const { runs, isListed, isReachable } = store;
  if (awaitedRun !== null && store.run(awaitedRun)) {
    view = { ...view, runId: awaitedRun, range: null };
    awaitedRun = null;
    keepAddress();
  }
  const run = store.run(view.runId) ?? runs[0] ?? null;
  const ids = run ? shownIds({ ...view, runId: run.id }).filter((id) => store.run(id)) : [];
  required("lost", HTMLElement).hidden = isReachable;
  required("looking", HTMLElement).hidden = isListed;
  required("empty", HTMLElement).hidden = !isListed || runs.length > 0;
  required("runs-side", HTMLElement).hidden = runs.length === 0;
  required("start-demo-side", HTMLElement).hidden = runs.length === 0;
  required("count", HTMLElement).textContent = isListed && runs.length > 0 ? countWords(runs) : "";
  jobs.show(store.jobs);
  list.show(runs, ids, required("find-run", HTMLInputElement).value.trim());
  required("run", HTMLElement).hidden = run === null;
  if (run) drawRun(run, ids.map((id) => /** @type {Run} */ (store.run(id))));
}

/** @param {Run} run @param {Run[]} shown */
function drawRun(run, shown) {
  curves.want(shown, view);
  head.show(run);
  board.show(shown.map((one, hue) => ({ run: one, hue, ...curves.of(one.id, view.range) })), view, chats.of(run));
  checkpoints.show(run.checkpoints);
  happenings.show(curves.of(run.id, null).curves?.marks ?? []);
  comparison.show(shown);
  required("log-fold", HTMLElement).hidden = run.log === false;
  if (log?.id !== run.id) {
    log = { id: run.id, view: new LogView(t("training.log_of", { name: run.name }), (offset) => api.runLog(run.id, offset)), stamp: "" };
    required("log-place", HTMLElement).replaceChildren(log.view.element);
    readLog();
  }
}

/** @param {Run[]} runs */
function countWords(runs) {
  const going = runs.filter(isGoing).length;
  return [t("training.runs", { count: runs.length }), going > 0 ? t("training.runs_going", { count: going }) : null].filter(Boolean).join(" · ");
}

/** The checkpoints of the run that is shown. */
function checkpointsNow() {
  return (store.run(view.runId) ?? store.runs[0])?.checkpoints ?? [];
}

/** The conversations with them. */
function chatsNow() {
  const run = store.run(view.runId) ?? store.runs[0];
  return run ? chats.of(run) : [];
}

/** @param {string} id */
function open(id) {
  const compared = withValue(view.compared, id, false);
  view = { ...view, runId: id, compared, range: null };
  history.pushState(null, "", `?${queryOf(view)}`);
  drawSoon();
  if (matchMedia("(max-width: 60rem)").matches) required("run", HTMLElement).scrollIntoView();
}

/** @param {Partial<View>} parts */
function change(parts) {
  view = { ...view, ...parts };
  keepAddress();
  drawSoon();
}

function keepAddress() {
  const text = queryOf(view).toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

/** The log of a run that has ended is read to its end once. */
async function readLog() {
  const run = log && store.run(log.id);
  if (!log || !run || document.hidden || run.log === false || !required("log-fold", HTMLDetailsElement).open) return;
  const stamp = `${run.state} ${run.updated_at}`;
  if (!isGoing(run) && log.stamp === stamp) return;
  const read = log;
  try {
    await read.view.poll();
    read.stamp = stamp;
  } catch (error) {
    console.warn("the log is not read at the moment", error); // the stream tells people that the server is gone
  }
}

/** @param {Event} event */
function startDemo(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.currentTarget);
  const steps = form.querySelector("input");
  attempt(async () => {
    const job = await api.startJob("train-demo", steps ? { steps: steps.valueAsNumber } : {});
    awaitedRun = job.run ?? null;
    feed.hurry();
    required("status", HTMLElement).textContent = t("training.demo_started");
  });
}

async function learnMachine() {
  if (document.hidden) return;
  try {
    showMachine(await api.machine());
  } catch (error) {
    console.warn("the machine is not known", error); // the stream tells people that the server is gone
  }
}

/** @param {() => Promise<unknown>} action */
async function attempt(action) {
  try {
    await action();
    required("notice", HTMLElement).hidden = true;
  } catch (error) {
    complain(error);
  }
  feed.hurry();
}

/** @param {unknown} error */
function complain(error) {
  required("notice-words", HTMLElement).textContent = inSentences(/** @type {import("../http.js").ApiError} */ (error));
  required("notice", HTMLElement).hidden = false;
}
