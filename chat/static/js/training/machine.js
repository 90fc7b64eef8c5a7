// @ts-check
/** How busy the machine is: processor, memory, graphics cards and disk. */

import { element, required } from "../dom.js";
import { percent, size } from "../format.js";
import { t } from "../i18n.js";

/** @typedef {{ name: string, share: number, words: string }} Meter */

/** @param {any} machine as the server tells it */
export function showMachine(machine) {
  const place = required("machine", HTMLElement);
  const meters = metersOf(machine);
  place.hidden = meters.length === 0;
  while (place.children.length > meters.length) place.lastElementChild?.remove();
  meters.forEach((meter, index) => {
    const box = place.children[index] ?? place.appendChild(meterBox());
    const [name, words, bar] = box.children;
    name.textContent = meter.name;
    words.textContent = meter.words;
    if (!(bar instanceof HTMLProgressElement)) return;
    bar.value = Math.min(1, Math.max(0, meter.share));
    bar.setAttribute("aria-label", `${meter.name}: ${meter.words}`);
  });
}

/**
 * What can be told of this machine; what it does not have is not there.
 * @param {any} machine
 * @returns {Meter[]}
 */
export function metersOf({ cpu, memory, gpus = [], disk = null }) {
  const used = memory.total_bytes - memory.available_bytes;
  const meters = [
    { name: t("training.cpu"), share: cpu.percent / 100, words: t("training.cpu_words", { share: percent(cpu.percent / 100), count: cpu.count }) },
    amountOf(t("training.memory"), used, memory.total_bytes),
  ];
  for (const gpu of gpus) {
    const name = gpus.length > 1 ? `${t("training.gpu")} ${gpu.index ?? gpus.indexOf(gpu)}` : t("training.gpu");
    const meter = amountOf(name, gpu.memory_used_bytes ?? 0, gpu.memory_total_bytes ?? 0);
    const busy = typeof gpu.percent === "number" ? percent(gpu.percent / 100) : null;
    meters.push({ ...meter, words: [busy, meter.words].filter(Boolean).join(" · ") });
  }
  if (disk) meters.push(amountOf(t("training.disk"), disk.total_bytes - disk.available_bytes, disk.total_bytes));
  return meters;
}

/** @param {string} name @param {number} used @param {number} total @returns {Meter} */
function amountOf(name, used, total) {
  return { name, share: total > 0 ? used / total : 0, words: t("training.used_of", { used: size(used), total: size(total) }) };
}

function meterBox() {
  const bar = element("progress", { className: "bar", max: 1 });
  return element("div", { className: "meter" }, element("span", {}), element("span", { className: "quiet small" }), bar);
}
