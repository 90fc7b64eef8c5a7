// @ts-check
/** Named parameters: built in, one's own, or of one checkpoint; kept by the server, taken in and out as a file. */

import { deletePreset, listPresets, putPreset } from "./conversations-api.js";
import { element, required } from "./dom.js";
import { t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { understood } from "./settings.js";
import { say } from "./toast.js";

/** @typedef {import("./conversations-api.js").Preset} Preset */

const FORMAT = "parley-presets";
const FILE_NAME = "parley-presets.json";

/**
 * The presets that a file holds.
 * @param {string} text
 * @returns {{ name: string, model: string|null, parameters: Record<string, any>, system: string|null }[]}
 * @throws {Error} where it is no such file
 */
export function presetsIn(text) {
  const read = JSON.parse(text);
  if (read?.format !== FORMAT || !Array.isArray(read.presets)) throw new Error(t("chat.preset_no_file"));
  return read.presets.map((/** @type {any} */ { name, model, parameters, system }) => ({
    name: String(name),
    model: typeof model === "string" ? model : null,
    parameters: understood(parameters),
    system: typeof system === "string" ? system : null,
  }));
}

/** The choice of a preset at the head of the parameters. */
export class Presets {
  #choice = required("preset", HTMLSelectElement);
  #form = required("preset-form", HTMLFormElement);
  #name = required("preset-name", HTMLInputElement);
  #isForModel = required("preset-for-model", HTMLInputElement);
  #file = required("preset-file", HTMLInputElement);
  /** @type {Preset[]} */
  #known = [];
  /** @type {string|null|undefined} */
  #listedFor = undefined;
  #store;
  #parameters;
  #attempt;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./parameters.js").Parameters} parameters
   * @param {(action: () => Promise<unknown>) => Promise<void>} attempt
   */
  constructor(store, parameters, attempt) {
    this.#store = store;
    this.#parameters = parameters;
    this.#attempt = attempt;
    required("parameters-button", HTMLButtonElement).addEventListener("click", () => this.#list());
    for (const part of ["conversation", "catalog"]) store.addEventListener(part, () => this.#draw());
    this.#choice.addEventListener("change", () => this.#choose(this.#choice.value));
    this.#form.addEventListener("submit", (event) => (event.preventDefault(), attempt(() => this.#save())));
    required("preset-cancel", HTMLButtonElement).addEventListener("click", () => this.#ask(false));
    const more = required("preset-more", HTMLButtonElement);
    more.addEventListener("click", () => openMenu(more, t("chat.preset_more"), this.#items()));
    this.#file.addEventListener("change", () => attempt(() => this.#take()));
  }

  async #list() {
    await this.#attempt(async () => {
      const model = this.#store.selected?.id ?? null;
      this.#known = await listPresets(model);
      this.#listedFor = model;
      this.#draw();
    });
  }

  #draw() {
    if (this.#listedFor !== undefined && this.#listedFor !== (this.#store.selected?.id ?? null)) {
      this.#listedFor = undefined;
      if (this.#choice.offsetParent !== null) this.#list();
    }
    const options = [element("option", { value: "" }, t("chat.preset_defaults")), ...this.#known.map(option)];
    const current = this.#current();
    if (current === null) options.push(element("option", { value: "own" }, t("chat.preset_custom")));
    this.#choice.replaceChildren(...options);
    this.#choice.value = current ?? "own";
  }

  /** The preset that says what is set; "" where nothing is, null where none says it. */
  #current() {
    const { parameters, system } = this.#parameters.settings;
    if (Object.keys(parameters).length === 0 && system === null) return "";
    const isSame = (/** @type {Preset} */ preset) =>
      sorted(preset.parameters) === sorted(parameters) && (preset.system === null || preset.system === system);
    const index = this.#known.findIndex(isSame);
    return index < 0 ? null : String(index);
  }

  /** @param {string} value */
  #choose(value) {
    if (value === "own") return;
    const preset = value === "" ? { parameters: {}, system: null } : this.#known[Number(value)];
    const system = value === "" ? null : (preset.system ?? this.#parameters.settings.system);
    this.#parameters.set({ parameters: { ...preset.parameters }, system });
    this.#draw();
  }

  #items() {
    const chosen = this.#known[Number(this.#choice.value || NaN)];
    const own = this.#known.filter((preset) => !preset.built_in);
    return [
      { label: t("chat.preset_save"), icon: "plus", act: () => this.#ask(true) },
      ...(chosen && !chosen.built_in
        ? [{ label: t("chat.preset_delete"), icon: "delete", act: () => this.#attempt(() => this.#forget(chosen)) }]
        : []),
      { label: t("chat.preset_import"), icon: "upload", act: () => this.#file.click() },
      ...(own.length > 0 ? [{ label: t("chat.preset_export"), icon: "download", act: () => give(own) }] : []),
    ];
  }

  /** @param {boolean} isAsked */
  #ask(isAsked) {
    this.#form.hidden = !isAsked;
    this.#name.value = "";
    if (isAsked) this.#name.focus();
    else this.#choice.focus();
  }

  async #save() {
    const { parameters, system } = this.#parameters.settings;
    const model = this.#isForModel.checked ? (this.#store.selected?.id ?? null) : null;
    await putPreset(this.#name.value.trim(), { model, parameters, system });
    this.#ask(false);
    await this.#list();
  }

  /** @param {Preset} preset */
  async #forget(preset) {
    await deletePreset(preset.name, preset.model);
    await this.#list();
    const { name, model, parameters, system } = preset;
    const undo = async () => (await putPreset(name, { model, parameters, system }), await this.#list());
    say(t("chat.deleted", { title: name }), () => this.#attempt(undo));
  }

  async #take() {
    const [file] = this.#file.files ?? [];
    if (!file) return;
    const found = presetsIn(await file.text());
    this.#file.value = "";
    for (const { name, ...preset } of found) await putPreset(name, preset);
    await this.#list();
    say(t("chat.presets_imported", { count: found.length }));
  }
}

/**
 * @param {Preset} preset
 * @param {number} index
 */
function option({ name, model, built_in: isBuiltIn }, index) {
  const shown = isBuiltIn ? t(`chat.preset_${name}`) : name;
  return element("option", { value: String(index) }, model ? t("chat.preset_of_model", { name: shown }) : shown);
}

/** @param {Record<string, any>} parameters */
function sorted(parameters) {
  return JSON.stringify(Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Give presets out as a file. @param {Preset[]} presets */
function give(presets) {
  const kept = presets.map(({ name, model, parameters, system }) => ({ name, model, parameters, system }));
  const text = JSON.stringify({ format: FORMAT, presets: kept }, null, 2);
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: address, download: FILE_NAME }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
