// @ts-check
/** Leads answers from the question to their end: asks, follows, stops, and gives a draft back where nothing came. */

import { pendingAnswer, pendingQuestion } from "./answer.js";
import { before, withMessage } from "./conversation.js";
import { followRun } from "./following.js";
import { ApiError } from "./http.js";
import { t } from "./i18n.js";
import { noticeOf } from "./notices.js";
import { inWords } from "./words.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./conversations-api.js").Asked} Asked */

/**
 * What the talk needs of the rest of the page.
 * @typedef {object} Surroundings
 * @property {import("./store.js").Store} store
 * @property {typeof import("./conversations-api.js")} api
 * @property {import("./unkept.js").Unkept} unkept
 * @property {(runId: string) => Promise<void>} cancelRun
 * @property {(text: string) => boolean} giveBack puts a text into the composer, unless something stands there
 * @property {() => Promise<void>} refresh reads the conversation anew
 * @property {(conversationId: string) => void} changed tells the list and other tabs
 * @property {(conversationId: string) => void} named a conversation has got its id
 */

/** One answer at a time. */
export class Talk {
  #around;
  #following = new AbortController();

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
  }

  /**
   * Ask; it comes back when the answer has ended, however it ended.
   * @param {string} text
   * @param {{ raw?: boolean, prefill?: string }} [how]
   */
  async ask(text, { raw = false, prefill = "" } = {}) {
    const { store, api, giveBack } = this.#around;
    const { messages } = store.state.conversation;
    const model = store.selected?.id ?? null;
    const parentId = messages.at(-1)?.id ?? null;
    const question = pendingQuestion(text, parentId);
    const answer = pendingAnswer(model, question.id, { raw, content: prefill });
    const body = { id: question.id, content: text, parent_id: parentId, model, ...(raw ? { raw } : {}) };
    const begin = async () => api.postMessage(await this.#conversationId(), prefill ? { ...body, prefill } : body);
    await this.#run([...messages, question, answer], answer.id, begin, () => giveBack(text));
  }

  /**
   * Another answer beside this one; to a question an answer below it.
   * @param {Message} message
   * @param {string|null} [model] another one than is chosen
   */
  async regenerate(message, model = null) {
    const { store, api } = this.#around;
    const named = model ?? store.selected?.id ?? message.model ?? null;
    const { messages } = store.state.conversation;
    const isAnswer = message.role === "assistant";
    const kept = isAnswer ? before(messages, message) : [...before(messages, message), message];
    const how = { raw: message.asked?.raw === true, siblings: isAnswer ? message.siblings : [] };
    const answer = pendingAnswer(named, kept.at(-1)?.id ?? null, how);
    await this.#run([...kept, answer], answer.id, () => api.answerMessage(message.id, "regenerate", { model: named }));
  }

  /** The same answer once more, as its receipt says. @param {Message} message */
  async rerun(message) {
    const { store, api } = this.#around;
    const kept = before(store.state.conversation.messages, message);
    const how = { raw: message.asked?.raw === true, siblings: message.siblings };
    const answer = pendingAnswer(message.model ?? null, message.parent_id, how);
    await this.#run([...kept, answer], answer.id, () => api.answerMessage(message.id, "rerun"));
  }

  /** Let an answer that was cut grow further. @param {Message} message */
  async goOn(message) {
    const { store, api } = this.#around;
    const growing = /** @type {Message} */ ({ ...message, status: "streaming", progress: null, error: null });
    const { messages } = withMessage(store.state.conversation, message.id, () => growing);
    await this.#run(messages, message.id, () => api.answerMessage(message.id, "continue"));
  }

  /**
   * Put a question in other words and have that answered; the first one stays as another version.
   * @param {Message} message
   * @param {string} content
   */
  async askOtherwise(message, content) {
    const { store, api } = this.#around;
    const model = store.selected?.id ?? null;
    const question = pendingQuestion(content, message.parent_id, message.siblings);
    const answer = pendingAnswer(model, question.id);
    const kept = before(store.state.conversation.messages, message);
    await this.#run([...kept, question, answer], answer.id, async () => {
      const edited = await api.editMessage(message.id, content);
      return { ...(await api.answerMessage(edited.id, "regenerate", { model })), user_message: edited };
    });
  }

  /** Add a message as the model; nobody answers it. @param {string} content */
  async insert(content) {
    const { store, api, refresh, changed } = this.#around;
    const parent_id = store.state.conversation.messages.at(-1)?.id ?? null;
    const id = await this.#conversationId();
    await api.postMessage(id, { content, parent_id, role: "assistant", generate: false });
    await refresh();
    changed(id);
  }

  /** Ask the server to stop; what is followed ends by itself when it has. */
  async stop() {
    const { store, cancelRun } = this.#around;
    const { run } = store.state;
    if (run === null || run.isStopping) return;
    store.dispatch({ type: "run/stopping" });
    if (run.id !== null) await cancelRun(run.id).catch((error) => this.#tell(error));
  }

  /** Follow an answer that another page or an earlier visit asked for. @param {Message} message */
  async attach(message) {
    const { store } = this.#around;
    if (!message.run_id || store.state.run !== null) return;
    store.dispatch({ type: "run/followed", runId: message.run_id, messageId: message.id });
    await this.#follow(message.run_id, message.model ?? "");
  }

  /** Look away; the server goes on without us. */
  leave() {
    this.#following.abort();
  }

  /** The conversation's id, which it gets with its first message. */
  async #conversationId() {
    const { store, api, named } = this.#around;
    const { id, system, parameters } = store.state.conversation;
    if (id !== null) return id;
    const made = await api.createConversation({ model: store.selected?.id ?? null, system, parameters });
    store.dispatch({ type: "conversation/changed", changes: { id: made.id } });
    named(made.id);
    return made.id;
  }

  /**
   * @param {Message[]} messages what is shown while the server has not answered yet
   * @param {string} messageId the one of them that will grow
   * @param {() => Promise<Asked>} begin
   * @param {() => void} [undone] called where nothing came of it
   */
  async #run(messages, messageId, begin, undone = () => undefined) {
    const { store } = this.#around;
    if (store.state.run !== null) return;
    const { messages: shown } = store.state.conversation;
    store.dispatch({ type: "run/asked", messages, messageId });
    const isHere = () => store.state.run?.messageId === messageId;
    try {
      const asked = await (store.state.conversation.isUnkept ? this.#around.unkept.begin() : begin());
      this.#around.changed(asked.assistant_message.conversation_id ?? "");
      if (!isHere()) return;
      const isStopped = store.state.run?.isStopping;
      store.dispatch({ type: "run/accepted", asked });
      if (isStopped) await this.#around.cancelRun(asked.run_id);
      await this.#follow(asked.run_id, asked.assistant_message.model ?? "");
    } catch (error) {
      if (isHere()) {
        store.dispatch({ type: "run/undone", messages: shown });
        undone();
      }
      this.#tell(error);
    }
  }

  /**
   * @param {string} runId
   * @param {string} model
   */
  async #follow(runId, model) {
    const { store, api, unkept } = this.#around;
    const { signal } = (this.#following = new AbortController());
    const { isUnkept } = store.state.conversation;
    const reader = {
      events: (/** @type {number} */ from, /** @type {AbortSignal} */ until) =>
        isUnkept ? unkept.events(runId, until) : api.runEvents(runId, from, until),
      take: (/** @type {any} */ event) => this.#take(event, model),
      lost: () => store.dispatch({ type: "run/lost" }),
    };
    try {
      await followRun(reader, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) this.#tell(error);
    }
    if (signal.aborted) return;
    store.dispatch({ type: "run/ended" });
    await this.#around.refresh();
    this.#around.changed(store.state.conversation.id ?? "");
  }

  /**
   * @param {any} event
   * @param {string} model
   */
  #take(event, model) {
    const { store } = this.#around;
    store.dispatch({ type: "run/event", event, model });
    if (!event.unsaved) return;
    const { message, hint, said } = inWords(event.unsaved);
    const notice = { message: t("chat.unsaved", { reason: message }), hint, said, code: event.unsaved.code, actions: [] };
    store.dispatch({ type: "notice/shown", notice });
  }

  /** @param {unknown} error */
  #tell(error) {
    this.#around.store.dispatch({ type: "notice/shown", notice: noticeOf(error) });
  }
}
