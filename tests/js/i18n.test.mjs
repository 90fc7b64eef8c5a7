/** How phrases are found and filled, and what each language makes of a number. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { size, when } from "../../chat/static/js/format.js";
import { formatter, has, t, useWords } from "../../chat/static/js/i18n.js";
import { inWords } from "../../chat/static/js/words.js";
import { speak } from "./speaking.mjs";

test("every language has its own plural of every number", () => {
  const numbers = [1, 2, 5, 21, 1000];
  speak("ru");
  const russian = numbers.map((count) => t("common.tokens", { count }));
  assert.deepEqual(russian, ["1 токен", "2 токена", "5 токенов", "21 токен", "1\u00a0000 токенов"]);
  speak("zh-Hans");
  assert.equal(t("common.tokens", { count: 1000 }), "1,000 个词元");
  speak("en");
  assert.deepEqual(
    numbers.map((count) => t("common.tokens", { count })),
    ["1 token", "2 tokens", "5 tokens", "21 tokens", "1,000 tokens"],
  );
});

test("sizes and dates speak the language of the page", () => {
  speak("ru");
  assert.equal(size(8.59e9), "8,59 ГБ");
  speak("en");
  assert.match(when(86_400 * 365), /^\d+ (December|January) 19\d\d$|^(December|January) \d+, 19\d\d$/);
});

test("a value may look like a placeholder and stays as it is", () => {
  useWords({ language: "en", phrases: { "a.b": "{name} said {what}" } });
  assert.equal(t("a.b", { name: "{what}", what: "$&" }), "{what} said $&");
});

test("what is missing is named", () => {
  useWords({ language: "en", phrases: { "a.b": "{name}", "a.c": { one: "1", other: "{count}" } } });
  assert.throws(() => t("a.x"), /no words for a\.x/);
  assert.throws(() => t("a.b"), /a\.b wants the value name/);
  assert.throws(() => t("a.c", { count: "3" }), /a\.c wants the number count/);
  assert.equal(has("a.x"), false);
});

test("formatters are made once for each set of options, and anew for another language", () => {
  useWords({ language: "en", phrases: {} });
  const percent = formatter(Intl.NumberFormat, { style: "percent" });
  assert.equal(formatter(Intl.NumberFormat, { style: "percent" }), percent);
  assert.notEqual(formatter(Intl.NumberFormat), percent);
  useWords({ language: "ru", phrases: {} });
  assert.equal(formatter(Intl.NumberFormat).format(0.5), "0,5");
});

test("an error is translated by its code, with the server's own words below", () => {
  const error = { code: "queue_full", message: "64 wait already", hint: "wait" };
  speak("en");
  assert.deepEqual(inWords(error), { message: "64 wait already", hint: "Try again in a moment.", said: null });
  speak("ru");
  const { message, said } = inWords(error);
  assert.deepEqual([message, said], ["Слишком много вопросов уже ждёт.", "64 wait already"]);
  const unknown = inWords({ code: "brand_new", message: "never heard of", hint: "look" });
  assert.deepEqual(unknown, { message: "Never heard of", hint: "look", said: null });
});
