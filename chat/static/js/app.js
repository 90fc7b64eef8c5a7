// @ts-check
/** Wires the page: makes the store and the views, and says what each action does. */

import { announceAnswers } from "./announcer.js";
import * as api from "./api.js";
import { Asking } from "./asking.js";
import { Composer } from "./composer.js";
import { required } from "./dom.js";
import { ModelFeed } from "./feed.js";
import { Follower } from "./follow.js";
import { keepConversation } from "./keep.js";
import { ModelBar } from "./model-bar.js";
import { NoticeBar, noticeOf } from "./notices.js";
import { Parameters } from "./parameters.js";
import { Picker } from "./picker.js";
import { Store } from "./store.js";
import { Transcript } from "./transcript.js";
import { Welcome } from "./welcome.js";

const store = new Store();
const parameters = new Parameters(store);
const composer = new Composer(store, { ask, stop: () => asking.stop(), setMode });
const asking = new Asking({
  store,
  api,
  parameters: () => parameters.request,
  giveBack: (text) => composer.giveBack(text),
});
keepConversation(store, (draft) => composer.giveBack(draft));

const picker = new Picker(store, { choose, load, unload, rescan });
const transcript = new Transcript(required("transcript", HTMLElement), store, { regenerate: askAgain });
const growing = [required("conversation", HTMLElement), required("dock", HTMLElement)];
const hasMessages = () => store.state.conversation.messages.length > 0;
const follower = new Follower(growing, required("jump", HTMLButtonElement), hasMessages);
const feed = new ModelFeed(store, api);

new Welcome(required("welcome", HTMLElement), store, { ask, rescan, pick: () => picker.open() });
new ModelBar(required("model-bar", HTMLElement), store, { load, unload });
new NoticeBar(required("notice", HTMLElement), store, {
  retry,
  "new-chat": newChat,
  completion: () => setMode("completion"),
  pick: () => picker.open(),
});
announceAnswers(required("status", HTMLElement), store);
required("new-chat", HTMLButtonElement).addEventListener("click", newChat);
required("skip-to-latest", HTMLAnchorElement).addEventListener("click", (event) => {
  event.preventDefault();
  transcript.focusLatest();
});
composer.focus();

/** @param {string} text */
function ask(text) {
  follower.jump();
  asking.ask(text);
}

function askAgain() {
  follower.jump();
  asking.askAgain();
}

/** After a failure: send the draft that came back, or answer the last question again. */
function retry() {
  if (asking.isDraftBack) composer.submit();
  else askAgain();
}

/** @param {import("./types.js").Mode} mode */
function setMode(mode) {
  store.dispatch({ type: "conversation/mode", mode });
}

/** @param {string} id */
function choose(id) {
  store.dispatch({ type: "model/selected", id });
  composer.focus();
  if (["unloaded", "failed"].includes(store.selected?.status.state ?? "")) load(id);
}

/** @param {string} id */
function load(id) {
  attempt(async () => store.dispatch({ type: "model/status", status: await api.loadModel(id) }));
}

/** @param {string} id */
function unload(id) {
  attempt(async () => {
    await api.unloadModel(id);
    await feed.refresh();
  });
}

async function rescan() {
  await attempt(() => feed.refresh(true));
}

function newChat() {
  const { id } = store.state.conversation;
  asking.stop();
  store.dispatch({ type: "conversation/cleared" });
  composer.focus();
  attempt(async () => store.dispatch({ type: "conversation/named", id: await api.clearConversation(id) }));
}

/**
 * Do something that needs the server, and show why where it cannot be done.
 * @param {() => Promise<unknown>} action
 */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    store.dispatch({ type: "notice/shown", notice: { ...noticeOf(error), actions: [] } });
  }
}
