// @ts-check
/** What can be done with a checkpoint that was chosen in a chart: talk to it or to its neighbours, open what was said to it. */

import { chatAddress } from "../checkpoints/sparkline.js";
import { element, required } from "../dom.js";
import { integer } from "../format.js";
import { t } from "../i18n.js";
import { conversationAddress } from "./chart-marks.js";
import { bySteps } from "./run-checkpoints.js";

/** @typedef {import("./api.js").Checkpoint} Checkpoint */

/**
 * Open the menu beside a mark.
 * @param {string} id of the checkpoint
 * @param {Checkpoint[]} checkpoints of its run
 * @param {import("./api.js").Chat[]} chats with checkpoints of its run
 * @param {DOMRect} at
 */
export function openMarkMenu(id, checkpoints, chats, at) {
  const menu = required("mark-menu", HTMLElement);
  const ordered = bySteps(checkpoints);
  const index = ordered.findIndex((each) => each.id === id);
  const before = index > 0 ? ordered[index - 1] : null;
  const after = index >= 0 ? (ordered[index + 1] ?? null) : null;
  const links = [
    link("chat_with", { id, step: ordered[index]?.step ?? null }),
    before && link("chat_before", before),
    after && link("chat_after", after),
    ...chats.filter(({ checkpoint }) => checkpoint === id).map(talk),
  ];
  const focused = document.activeElement;
  menu.replaceChildren(element("p", { className: "menu-title", dir: "auto" }, id), ...links.filter((each) => each !== null));
  menu.showPopover();
  const box = menu.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const isBelow = at.bottom + box.height + 8 < innerHeight;
  Object.assign(menu.style, { left: `${left}px`, top: `${isBelow ? at.bottom : Math.max(8, at.top - box.height)}px` });
  menu.querySelector("a")?.focus();
  menu.addEventListener("toggle", () => focused instanceof HTMLElement && document.activeElement === document.body && focused.focus(), { once: true });
}

/** @param {import("./api.js").Chat} chat */
function talk(chat) {
  const title = chat.title || t("training.untitled_chat");
  return element("a", { className: "menu-item", href: conversationAddress(chat), dir: "auto" }, t("training.open_chat", { title }));
}

/** @param {string} words @param {{ id: string, step: number|null }} checkpoint */
function link(words, { id, step }) {
  const name = step === null ? (id.split("/").pop() ?? id) : t("training.at_step", { step: integer(step) });
  return element("a", { className: "menu-item", href: chatAddress(id), dir: "auto" }, t(`training.${words}`, { name }));
}
