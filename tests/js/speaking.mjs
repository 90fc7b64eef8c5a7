/** Gives the modules under test the words of a language, as a page would embed them. */

import { readdirSync, readFileSync } from "node:fs";
import { useWords } from "../../chat/static/js/i18n.js";

const FOLDER = new URL("../../chat/languages/", import.meta.url);

/** @param {string} language */
export function speak(language) {
  const phrases = {};
  for (const file of readdirSync(new URL(`${language}/`, FOLDER))) {
    const known = JSON.parse(readFileSync(new URL(`${language}/${file}`, FOLDER), "utf-8"));
    for (const [key, phrase] of Object.entries(known)) phrases[`${file.replace(".json", "")}.${key}`] = phrase;
  }
  useWords({ language, phrases });
}
