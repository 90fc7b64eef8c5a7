// @ts-check
/** How the page of trainings writes times, amounts and states. */

import { count, decimal, integer } from "../format.js";
import { formatter, has, t } from "../i18n.js";

/** @typedef {import("./api.js").Run} Run */

const PARTS = [
  { unit: "day", seconds: 86_400 },
  { unit: "hour", seconds: 3600 },
  { unit: "minute", seconds: 60 },
  { unit: "second", seconds: 1 },
];

/** 3723 -> "1h 2m", 45 -> "45s", 0.25 -> "0.25s": the two largest parts. @param {number} seconds */
export function span(seconds) {
  if (seconds < 10) return narrow(Math.round(seconds * 100) / 100, "second");
  const whole = Math.round(seconds);
  const first = PARTS.findIndex((part) => whole >= part.seconds);
  const large = PARTS[first];
  const small = PARTS[first + 1];
  const rest = small ? Math.floor((whole % large.seconds) / small.seconds) : 0;
  const written = narrow(Math.floor(whole / large.seconds), large.unit);
  return small && rest > 0 ? `${written} ${narrow(rest, small.unit)}` : written;
}

/** "3 min ago". @param {number} at seconds since 1970 @param {number} [now] */
export function ago(at, now = Date.now() / 1000) {
  const passed = Math.max(0, now - at);
  const { unit, seconds } = PARTS.find((part) => passed >= part.seconds) ?? PARTS[PARTS.length - 1];
  return formatter(Intl.RelativeTimeFormat, { numeric: "auto", style: "short" }).format(-Math.floor(passed / seconds), unit);
}

/** A value of any size: 0.0003 as "3e-4", 2.1432 as "2.143". @param {number|null|undefined} value */
export function amount(value) {
  if (value === null || value === undefined) return t("training.unknown");
  if (!Number.isFinite(value)) return "NaN";
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(2).replace(/\.?0+e/, "e");
  return Math.abs(value) >= 100_000 ? count(value) : decimal(value);
}

/** A place on the axis across. @param {number} x @param {string} axis */
export function place(x, axis) {
  if (axis === "time") return t("training.after", { time: span(x) });
  if (axis === "tokens") return t("training.at_tokens", { tokens: count(x) });
  return t("training.at_step", { step: integer(x) });
}

/** The same, short enough for the axis. @param {number} x @param {string} axis */
export function tickWords(x, axis) {
  if (axis === "time") return x === 0 ? "0" : span(x);
  return Math.abs(x) < 10_000 ? integer(x) : count(x);
}

/** @param {"run"|"job"} noun @param {string} state */
export function stateWords(noun, state) {
  return has(`training.${noun}_${state}`) ? t(`training.${noun}_${state}`) : state;
}

/** "step 120 of 1,000". @param {Run} run */
export function stepWords({ step, total_steps: total }) {
  if (step === null) return t("training.no_step");
  if (!total) return t("training.at_step", { step: integer(step) });
  return t("training.step_of", { step: integer(step), total: integer(total) });
}

/** A curve's name as people call it. @param {import("./api.js").Metric} metric */
export function metricWords({ name, kind }) {
  const isUsual = ["train_loss", "validation_loss", "learning_rate", "speed"].includes(kind);
  return isUsual ? t(`training.metric_${kind}`) : name;
}

/** A value, and what lies around it where that differs. @param {import("./api.js").Point} point */
export function valueWords([, value, low, high]) {
  if (low === null || high === null || low === high) return amount(value ?? Number.NaN);
  return t("training.value_between", { value: amount(value ?? Number.NaN), low: amount(low), high: amount(high) });
}

/** @param {number} value @param {string} unit */
function narrow(value, unit) {
  return formatter(Intl.NumberFormat, { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits: 2 }).format(value);
}
