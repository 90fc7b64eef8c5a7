// @ts-check
/** What a checkpoint's own route tells, folded away until it is wanted: config, files, template, tokens, jobs. */

import { copyButton, element } from "../dom.js";
import { integer } from "../format.js";
import { t } from "../i18n.js";
import { JobBox } from "./job-box.js";
import { Probe } from "./probe.js";

/** @typedef {import("../types.js").Model & import("./api.js").Details} Detailed */
/** @typedef {typeof import("./api.js")} Api */

const EXPORT_PRECISIONS = ["", "bfloat16", "float16", "float32"];

/**
 * The sections that this server and this checkpoint have something for.
 * @param {Detailed} details
 * @param {Api} api
 * @returns {Promise<HTMLElement[]>}
 */
export async function laterSections(details, api) {
  const [hasTokens, hasCheck, hasExport] = await Promise.all([
    api.allows("/api/tokenize"),
    api.offers(details.id, "check"),
    api.offers(details.id, "export"),
  ]);
  const isSound = !details.problem;
  return [
    details.files?.length ? fold("files", details.files.length, fileList(details.files)) : null,
    details.config ? fold("config", null, codeBlock(JSON.stringify(details.config, null, 2))) : null,
    details.template ? fold("template", null, codeBlock(details.template)) : null,
    hasTokens && details.tokenizer && isSound ? probeSection(details.id, api) : null,
    hasCheck ? fold("check", null, hint("check"), new JobBox("check", details.id, api).element) : null,
    hasExport && isSound ? exportSection(details.id, api) : null,
  ].filter((section) => section !== null);
}

/**
 * @param {string} name
 * @param {number|null} number
 * @param {...HTMLElement} children
 */
function fold(name, number, ...children) {
  const words = t(`checkpoints.section_${name}`);
  const counted = number === null ? null : element("span", { className: "quiet" }, ` ${integer(number)}`);
  return element("details", { className: "fold" }, element("summary", {}, words, counted), ...children);
}

/** @param {string} key */
function hint(key) {
  return element("p", { className: "quiet small" }, t(`checkpoints.hint_${key}`));
}

/** @param {string[]} files */
function fileList(files) {
  return element("ul", { className: "file-list" }, ...files.map((file) => element("li", {}, element("code", {}, file))));
}

/** @param {string} text */
function codeBlock(text) {
  const copy = copyButton(t("common.copy"), () => text);
  const block = element("pre", { tabIndex: 0, dir: "ltr" }, element("code", {}, text));
  return element("div", { className: "code-block" }, copy, block);
}

/**
 * The tokens are asked for when the section is opened, since that may load the tokenizer.
 * @param {string} id
 * @param {Api} api
 */
function probeSection(id, api) {
  const probe = new Probe(id, api.tokenize);
  const section = fold("probe", null, probe.element);
  section.addEventListener("toggle", () => section.open && probe.start(), { once: true });
  return section;
}

/**
 * @param {string} id
 * @param {Api} api
 */
function exportSection(id, api) {
  const choices = EXPORT_PRECISIONS.map((name) => element("option", { value: name }, name || t("checkpoints.export_as_it_is")));
  const precision = element("select", { id: "export-precision" }, ...choices);
  const label = element("label", { htmlFor: "export-precision" }, t("checkpoints.export_numbers"));
  const options = () => (precision.value ? { dtype: precision.value } : {});
  const box = new JobBox("export", id, api, options);
  return fold("export", null, hint("export"), element("div", { className: "load-choices" }, label, precision), box.element);
}
