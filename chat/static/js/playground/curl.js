// @ts-check
/** A request as the command line of curl that sends the same. Pure functions. */

/**
 * @param {string} origin "http://127.0.0.1:5001"
 * @param {string} path
 * @param {object|null} body
 */
export function curlOf(origin, path, body) {
  const address = quoted(origin + path);
  if (body === null) return `curl ${address}`;
  const streams = Reflect.get(body, "stream") === true ? "-N " : "";
  return `curl ${streams}${address} -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`;
}

/** A text that a shell takes as it is. @param {string} text */
export function quoted(text) {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
