// @ts-check
/** The test of the connection in front of people: each step with what was found, or what is wrong and what to do. */

import { generate } from "../api.js";
import { load } from "../checkpoints/api.js";
import { element, required } from "../dom.js";
import { decimal, duration, integer, percent } from "../format.js";
import { has, t } from "../i18n.js";
import { inWords } from "../words.js";
import * as api from "./api.js";
import { tryConnection } from "./connection.js";

/** @typedef {import("./connection.js").Step} Step */

const SIGNS = { waiting: "○", running: "…", well: "✓", failed: "✕", untried: "–" };
const TRY = { prompt: "1 2 3 4", max_new_tokens: 16, temperature: 0 };

/** Runs one test at a time; another press begins anew. */
export class ConnectionView {
  #list = required("connection-steps", HTMLElement);
  #end = required("connection-end", HTMLElement);
  #running = new AbortController();

  /** @param {string|null} model */
  async run(model) {
    this.#running.abort();
    const own = (this.#running = new AbortController());
    this.#end.textContent = "";
    try {
      const steps = await tryConnection(model, outside(), own.signal, (now) => this.#show(now));
      const isWell = steps.every((step) => step.state === "well");
      this.#end.textContent = isWell ? t("playground.connection_well") : t("playground.connection_failed");
    } catch (error) {
      if (!own.signal.aborted) throw error;
    }
  }

  /** @param {Step[]} steps */
  #show(steps) {
    this.#list.replaceChildren(...steps.map(item));
  }
}

/** @returns {import("./connection.js").Outside} */
function outside() {
  return {
    health: api.health,
    firstBytes: api.firstBytes,
    load: (id) => load(id, {}),
    status: api.status,
    shortAnswer: (model, signal) => generate({ model, ...TRY }, signal),
    now: () => performance.now(),
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
}

/** @param {Step} step */
function item(step) {
  const sign = element("span", { className: "step-sign", "aria-hidden": "true" }, SIGNS[step.state]);
  const name = element("span", { className: "step-name" }, t(`playground.step_${step.name}`));
  const state = element("span", { className: "visually-hidden" }, ` ${t(`playground.step_state_${step.state}`)}`);
  const words = element("div", {}, name, state, ...detailsOf(step));
  const made = element("li", { className: "step" }, sign, words);
  made.dataset.state = step.state;
  return made;
}

/** @param {Step} step */
function detailsOf({ name, state, facts, reason }) {
  if (reason) return reasonOf(reason, facts);
  if (state === "running" && typeof facts.fraction === "number") {
    return [detail(t("playground.found_loading", { share: percent(facts.fraction) }))];
  }
  return state === "well" ? [detail(foundWords(name, facts))] : [];
}

/** @param {string} text */
function detail(text) {
  return element("p", { className: "step-detail", dir: "auto" }, text);
}

/**
 * @param {string} name
 * @param {Record<string, number|string>} facts
 */
function foundWords(name, facts) {
  const after = duration(Number(facts.milliseconds ?? 0));
  const gap = duration(Number(facts.gap ?? 0));
  if (name === "server") return t("playground.found_server", { after });
  if (name === "stream") return t("playground.found_stream", { after, gap });
  if (name === "worker") return t("playground.found_worker", { pid: String(facts.pid) });
  return t("playground.found_model", { after, gap, tokens: integer(Number(facts.tokens)) });
}

/**
 * A reason of this page has its own words; the server's come as it words them.
 * @param {import("./connection.js").Reason} reason
 * @param {Record<string, number|string>} facts
 */
function reasonOf(reason, facts) {
  const code = reason.code ?? "";
  if (has(`playground.wrong_${code}`)) {
    const values = { gap: decimal(Number(facts.gap ?? 0)), after: duration(Number(facts.milliseconds ?? 0)) };
    return [detail(t(`playground.wrong_${code}`, values)), detail(t(`playground.wrong_${code}_hint`))];
  }
  const { message, hint, said } = inWords({ code, message: reason.message, hint: reason.hint ?? null });
  return [message, said, hint].filter((words) => words !== null).map((words) => detail(String(words)));
}
