// @ts-check
/** What is known of a checkpoint as rows for people: name of the fact, its value, and the evidence for it. */

import { count, decimal, integer, size } from "../format.js";
import { formatter, t } from "../i18n.js";
import { runOf } from "./runs.js";
import { lossKind, named } from "./words.js";

/** @typedef {import("./view.js").Model} Model */
/** @typedef {{ name: string, value: string, evidence: string|null, isInferred: boolean, isCode: boolean }} Fact */

const INFERRED = /^inferred\b/;
/** Facts whose value is a name out of a file, not a word or a number. */
const CODES = new Set(["id", "architecture", "parent", "tokenizer", "template", "family", "dtype"]);

/** What is shown, in its order. @type {[string, (model: Model) => string|null][]} */
const SHOWN = [
  ["name", (model) => model.name],
  ["id", (model) => model.id],
  ["run", (model) => runOf(model) || null],
  ["group", (model) => named("group", model.group)],
  ["stage", (model) => (model.stage ? named("stage", model.stage) : null)],
  ["step", (model) => number(model.step, integer)],
  ["epoch", (model) => number(model.epoch, decimal)],
  ["loss", (model) => (model.loss ? `${decimal(model.loss.value)} (${lossKind(model.loss.kind)})` : null)],
  ["parent", (model) => model.parent ?? null],
  ["format", (model) => named("format", model.format)],
  ["family", (model) => model.family ?? null],
  ["architecture", (model) => model.architecture ?? null],
  ["parameters", (model) => number(model.parameters, (value) => `${count(value)} (${integer(value)})`)],
  ["dtype", (model) => model.dtype ?? null],
  ["size", (model) => number(model.size_bytes || null, size)],
  ["weights_bytes", (model) => number(model.weights_bytes || null, size)],
  ["context", (model) => number(model.context_length, integer)],
  ["vocabulary", (model) => number(model.vocab_size, integer)],
  ["kv_cache", (model) => number(model.memory?.kv_bytes_per_token || null, size)],
  ["tokenizer", (model) => (model.tokenizer ? `${model.tokenizer.kind}, ${model.tokenizer.source}` : null)],
  ["template", (model) => model.chat_template?.source ?? null],
  ["modified", (model) => (model.modified_at ? moment(model.modified_at) : null)],
];
/** Facts that the server files its evidence under by another name. @type {Record<string, string>} */
const EVIDENCE = { context: "context_length", vocabulary: "vocab_size", template: "chat_template", size: "size_bytes" };

/**
 * The facts that are known; evidence that belongs to none of them comes last, under its own name.
 * @param {Model} model
 * @returns {Fact[]}
 */
export function factsOf(model) {
  const evidence = { ...model.evidence };
  const facts = SHOWN.flatMap(([name, read]) => {
    const value = read(model);
    const key = EVIDENCE[name] ?? name;
    const said = evidence[key] ?? null;
    if (value !== null) delete evidence[key];
    if (value === null) return [];
    if (name === "run" && !model.run) return [guess(name, value, t("checkpoints.run_by_folder"))];
    return [fact(name, value, said)];
  });
  /** @type {Record<string, string>} */
  const measured = Reflect.get(model.status, "inferred") ?? {}; // what loading found out because no file tells it
  const guesses = Object.entries(measured).map(([name, said]) => guess(name, "", said));
  return [...facts, ...Object.entries(evidence).map(([name, said]) => fact(name, "", said)), ...guesses];
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string|null} evidence
 * @returns {Fact}
 */
function fact(name, value, evidence) {
  return { name, value, evidence, isInferred: evidence !== null && INFERRED.test(evidence), isCode: CODES.has(name) };
}

/** @param {string} name @param {string} value @param {string} evidence @returns {Fact} */
function guess(name, value, evidence) {
  return { ...fact(name, value, evidence), isInferred: true };
}

/**
 * @param {number|null|undefined} value
 * @param {(value: number) => string} words
 */
function number(value, words) {
  return value == null ? null : words(value);
}

/** @param {number} seconds Unix time */
function moment(seconds) {
  const options = { dateStyle: "medium", timeStyle: "short" };
  return formatter(Intl.DateTimeFormat, options).format(new Date(1000 * seconds));
}
