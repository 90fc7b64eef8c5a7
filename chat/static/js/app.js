// @ts-check
/** Wires the chat: makes the store and the views, and says what each action does. */

import { announceAnswers } from "./announcer.js";
import * as server from "./api.js";
import { attempts } from "./attempts.js";
import { Composer } from "./composer.js";
import { composerMenu } from "./composer-menu.js";
import * as kept from "./conversations-api.js";
import { required } from "./dom.js";
import { ModelFeed } from "./feed.js";
import { Follower } from "./follow.js";
import { Gauge } from "./gauge.js";
import { Library } from "./library.js";
import { messageActions } from "./message-acts.js";
import { modeFor } from "./modes.js";
import { ModelBar } from "./model-bar.js";
import { NoticeBar } from "./notices.js";
import { Palette } from "./palette.js";
import { Parameters } from "./parameters.js";
import { Picker } from "./picker.js";
import { Places } from "./places.js";
import { Presets } from "./presets.js";
import { markReadiness } from "./readiness.js";
import { Reading } from "./reading.js";
import { showEarlier } from "./earlier.js";
import { Sidebar } from "./sidebar.js";
import { libraryActions } from "./sidebar-acts.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { Talk } from "./talk.js";
import { Transcript } from "./transcript.js";
import { Unkept } from "./unkept.js";
import { Welcome } from "./welcome.js";

const store = new Store();
const attempt = attempts(store);
const tabs = new Tabs();
const library = new Library({ store, api: kept, changed: (id) => tabs.tell(id) });

const parameters = new Parameters(store, { change: changeConversation });
const composer = new Composer(store, { ask, stop: () => talk.stop(), setMode });
const reading = new Reading({ store, api: kept, attach: (answer) => talk.attach(answer), leave: () => talk.leave() });
const talk = new Talk({
  store,
  api: kept,
  unkept: new Unkept(store, server.generate),
  cancelRun: server.cancelRun,
  giveBack: (text) => composer.giveBack(text),
  refresh: () => reading.refresh(),
  changed,
  named: (id) => places.named(id),
});
const places = new Places(store, { open, startNew });

const picker = new Picker(store, { choose, load, unload, rescan });
const acts = { store, library, talk, reading, places, attempt, pick: (/** @type {any} */ take) => picker.open(take) };
const transcript = new Transcript(required("transcript", HTMLElement), store, messageActions(acts));
const growing = [required("conversation", HTMLElement), required("dock", HTMLElement)];
const hasMessages = () => store.state.conversation.messages.length > 0;
const follower = new Follower(growing, required("jump", HTMLButtonElement), hasMessages);
const feed = new ModelFeed(store, server);
const sidebar = new Sidebar(store, libraryActions(acts));

new Welcome(required("welcome", HTMLElement), store, { ask: askPlainly, rescan, pick: () => picker.open(), startNew });
new ModelBar(required("model-bar", HTMLElement), store, { load, unload });
new NoticeBar(required("notice", HTMLElement), store, {
  retry: () => composer.submit(),
  "new-chat": startNew,
  completion: () => setMode("completion"),
  pick: () => picker.open(),
  unkept: talkUnkept,
});
composerMenu({ store, composer, talk, attempt });
new Gauge(store, () => composer.draft);
new Presets(store, parameters, attempt);
const palette = new Palette({
  store,
  choose,
  open: (id) => places.open(id),
  startNew,
  showParameters: () => required("parameters-button", HTMLButtonElement).click(),
  search: () => sidebar.search(),
});
announceAnswers(required("status", HTMLElement), store);
markReadiness(required("main", HTMLElement), store);
tabs.listen((id) => {
  library.refresh();
  if (id === store.state.conversation.id && store.state.run === null) reading.refresh();
});
required("palette-button", HTMLButtonElement).addEventListener("click", () => palette.open());
showEarlier(required("earlier", HTMLButtonElement), store, () => attempt(() => reading.earlier()));
for (const id of ["new-chat", "new-chat-top"]) required(id, HTMLButtonElement).addEventListener("click", startNew);
required("skip-to-latest", HTMLAnchorElement).addEventListener("click", (event) => {
  event.preventDefault();
  transcript.focusLatest();
});
library.refresh();
places.begin();
composer.focus();

/**
 * @param {string} text
 * @param {{ raw?: boolean, prefill?: string }} [how]
 */
async function ask(text, how) {
  await parameters.flush();
  follower.jump();
  await talk.ask(text, how);
}

/** Ask as the chosen checkpoint is asked. @param {string} text */
function askPlainly(text) {
  const model = store.selected;
  if (model) ask(text, { raw: modeFor(model, store.state.conversation.mode) === "completion" });
}

/** Tell the list, the address and the other tabs that a conversation has changed. @param {string} id */
function changed(id) {
  tabs.tell(id);
  library.refresh();
}

/** Go on without a database, which keeps nothing of it. */
function talkUnkept() {
  places.none();
  store.dispatch({ type: "conversation/unkept" });
  composer.submit();
}

/** @param {import("./types.js").Mode} mode */
function setMode(mode) {
  store.dispatch({ type: "conversation/mode", mode });
}

/** @param {string} id */
function open(id) {
  sidebar.leave();
  composer.focus();
  reading.open(id).then(() => follower.jump());
}

function startNew() {
  talk.leave();
  sidebar.leave();
  places.none();
  store.dispatch({ type: "conversation/new", ...parameters.forNew() });
  composer.focus();
}

/** Keep what a conversation is asked with; one that is not the server's yet keeps it here. @param {object} changes */
async function changeConversation(changes) {
  const { id } = store.state.conversation;
  store.dispatch({ type: "conversation/changed", changes });
  if (id !== null) await attempt(() => library.change(id, changes));
}

/** @param {string} id */
function choose(id) {
  const conversationId = store.state.conversation.id;
  store.dispatch({ type: "model/selected", id });
  composer.focus();
  if (conversationId !== null) attempt(() => library.change(conversationId, { model: id }));
  if (["unloaded", "failed"].includes(store.selected?.status.state ?? "")) load(id);
}

/** @param {string} id */
function load(id) {
  attempt(async () => store.dispatch({ type: "model/status", status: await server.loadModel(id) }));
}

/** @param {string} id */
function unload(id) {
  attempt(async () => {
    await server.unloadModel(id);
    await feed.refresh();
  });
}

async function rescan() {
  await attempt(() => feed.refresh(true));
}
