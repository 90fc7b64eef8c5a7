// @ts-check
/** Signs in by the link that the server printed: its token stands behind the #, where no log and no proxy sees it. */

import { required } from "./dom.js";
import { ApiError, post } from "./http.js";
import { has, t } from "./i18n.js";

const main = required("main", HTMLElement);
const problem = required("sign-in-problem", HTMLElement);

/** @param {string} words */
function say(words) {
  problem.textContent = words;
  problem.hidden = false;
}

async function signInByLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  say(t("login.by_link_now"));
  try {
    await post("/api/session", { token });
    location.replace(main.dataset.following ?? "/");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(has(`errors.${error.code}`) ? t(`errors.${error.code}`) : error.message);
  }
}

signInByLink();
