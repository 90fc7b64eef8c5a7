// @ts-check
/** Leads one answer from the question to its end: asks, follows, stops, and gives the draft back where nothing came. */

import { historyOf, pendingAnswer, question } from "./conversation.js";
import { noticeOf } from "./notices.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Mode} Mode */

const STOP_MILLISECONDS = 2000;

/**
 * What the asking needs of the rest of the page.
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {Pick<typeof import("./api.js"), "generate"|"cancelRun">} api
 * @property {() => { sampling: Record<string, unknown>, systemPrompt: string }} parameters
 * @property {(text: string) => boolean} giveBack puts a text into the composer, unless something stands there
 */

/** One answer at a time. */
export class Asking {
  #around;
  /** @type {AbortController|null} */
  #controller = null;
  /** Whether the last question came to nothing and stands in the composer again. */
  isDraftBack = false;

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
  }

  /**
   * Ask; it comes back when the answer has ended, however it ended.
   * @param {string} text
   */
  async ask(text) {
    const { store } = this.#around;
    const model = store.selected;
    if (model === null || store.state.run !== null) return;
    const mode = modeFor(model, store.state.conversation.mode);
    const asked = question(text, mode);
    store.dispatch({ type: "run/asked", question: asked, answer: pendingAnswer(model, mode) });
    await this.#follow(asked);
  }

  /** Answer the last question once more; the old answer stays until the new one has text. */
  async askAgain() {
    const { store } = this.#around;
    const { conversation, run } = store.state;
    const [asked, replaced] = conversation.messages.slice(-2);
    const model = store.selected;
    if (model === null || run !== null || !replaced) return;
    store.dispatch({ type: "run/asked-again", answer: pendingAnswer(model, asked.mode), replaced });
    await this.#follow(asked);
  }

  /** Ask the server to stop, and read on until it has; when it does not in time, leave. */
  async stop() {
    const { store, api } = this.#around;
    const { run } = store.state;
    const controller = this.#controller;
    if (run === null || run.isStopping || controller === null) return;
    store.dispatch({ type: "run/stopping" });
    if (run.id === null) return controller.abort();
    const timer = setTimeout(() => controller.abort(), STOP_MILLISECONDS);
    controller.signal.addEventListener("abort", () => clearTimeout(timer));
    await api.cancelRun(run.id).catch(() => controller.abort()); // leaving stops the compute as well
  }

  /** @param {Message} asked */
  async #follow(asked) {
    const { store, api } = this.#around;
    const controller = (this.#controller = new AbortController());
    const body = this.#body(asked);
    this.isDraftBack = false;
    try {
      for await (const event of api.generate(body, controller.signal)) {
        store.dispatch({ type: "run/event", event, model: body.model });
      }
    } catch (error) {
      this.#broke(error, body.model);
    }
    this.#controller = null;
    this.#takeBackWithoutText(asked);
    store.dispatch({ type: "run/ended" });
  }

  /** @param {Message} asked */
  #body(asked) {
    const { store, parameters } = this.#around;
    const { conversation, catalog } = store.state;
    const { sampling, systemPrompt } = parameters();
    const body = { model: catalog.selectedId ?? "", ...sampling };
    if (asked.mode === "completion") return { ...body, prompt: asked.content };
    const upToQuestion = conversation.messages.slice(0, conversation.messages.indexOf(asked) + 1);
    const named = conversation.id === null ? {} : { conversation_id: conversation.id };
    return { ...body, ...named, messages: historyOf(upToQuestion, systemPrompt) };
  }

  /**
   * @param {unknown} error
   * @param {string} model
   */
  #broke(error, model) {
    const { store } = this.#around;
    if (error instanceof DOMException && error.name === "AbortError") {
      store.dispatch({ type: "run/event", event: { type: "done", finish_reason: "cancelled" }, model });
      return;
    }
    const notice = noticeOf(error);
    store.dispatch({ type: "run/failed", error: notice });
    store.dispatch({ type: "notice/shown", notice });
  }

  /** @param {Message} asked */
  #takeBackWithoutText(asked) {
    const { store, giveBack } = this.#around;
    const { run, conversation } = store.state;
    const answer = conversation.messages.at(-1);
    if (run === null || !answer || answer.content !== "" || answer.status === "complete") return;
    this.isDraftBack = run.replaced === null && giveBack(asked.content);
    if (run.replaced || this.isDraftBack) store.dispatch({ type: "run/undone" });
  }
}

/**
 * A model with a template of its own is always talked to in turns.
 * @param {import("./types.js").Model} model
 * @param {Mode} chosen
 * @returns {Mode}
 */
export function modeFor(model, chosen) {
  return model.chat_template ? "chat" : chosen;
}
