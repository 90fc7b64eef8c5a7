// @ts-check
/** Fetches the curves of the runs that are shown, again when a run went on, and never twice at once for one run. */

/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./api.js").Curves} Curves */
/** @typedef {import("./plot.js").Range} Range */
/** @typedef {{ names: string[], axis: string, range: Range|null }} Wanted */

const LEAST_GAP = 1000;
const POINTS = 2000;
const USUAL = new Set(["train_loss", "validation_loss", "learning_rate"]);

/**
 * `curves` go over the whole run; `detail` over the range that is zoomed to, where there is more to be seen.
 * @typedef {object} Entry
 * @property {string} key what was asked for, but for the range
 * @property {string} stamp how far the run was, and the range
 * @property {Curves|null} curves
 * @property {Curves|null} detail
 * @property {string} detailKey
 * @property {number} begin what x is counted from
 * @property {boolean} isBusy
 * @property {number} at milliseconds
 * @property {number} timer
 */

/** What is known of each run; `changed` is called when more is. */
export class CurveStore {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #fetch;
  #changed;

  /**
   * @param {typeof import("./api.js").curves} fetchCurves
   * @param {(error: unknown) => void} changed with what went wrong, else undefined
   */
  constructor(fetchCurves, changed) {
    this.#fetch = fetchCurves;
    this.#changed = changed;
  }

  /** The curves of a run, in detail where they are known so for this range. @param {string} id @param {Range|null} range */
  of(id, range) {
    const entry = this.#entries.get(id);
    const isInDetail = entry?.detail && range !== null && entry.detailKey === String(range);
    return { curves: entry?.curves ?? null, detail: isInDetail ? entry.detail : null };
  }

  /**
   * Want the curves of these runs, and no others.
   * @param {Run[]} runs
   * @param {{ metrics: string[], axis: string, range: Range|null }} view `metrics` are further ones, by name
   */
  want(runs, { metrics, axis, range }) {
    const ids = new Set(runs.map((run) => run.id));
    for (const [id, entry] of this.#entries) {
      if (ids.has(id)) continue;
      clearTimeout(entry.timer);
      this.#entries.delete(id);
    }
    for (const run of runs) this.#wantOne(run, { names: namesFor(run, metrics), axis, range });
  }

  /** @param {Run} run @param {Wanted} wanted */
  #wantOne(run, wanted) {
    const key = JSON.stringify([wanted.names, wanted.axis]);
    const stamp = `${run.updated_at} ${run.step} ${run.state} ${run.checkpoints.length} ${wanted.range}`;
    const entry = this.#entries.get(run.id) ?? blank();
    this.#entries.set(run.id, entry);
    const isOther = entry.key !== key;
    if (entry.isBusy || (!isOther && entry.stamp === stamp)) return;
    const wait = isOther ? 0 : Math.max(0, entry.at + LEAST_GAP - Date.now());
    clearTimeout(entry.timer);
    if (wait > 0) {
      entry.timer = setTimeout(() => this.#wantOne(run, wanted), wait);
      return;
    }
    Object.assign(entry, { isBusy: true, key, stamp, at: Date.now() });
    this.#get(run.id, entry, wanted);
  }

  /** @param {string} id @param {Entry} entry @param {Wanted} wanted */
  async #get(id, entry, wanted) {
    let trouble;
    try {
      await this.#fill(id, entry, wanted);
    } catch (error) {
      trouble = error;
    } finally {
      entry.isBusy = false;
    }
    if (this.#entries.get(id) === entry) this.#changed(trouble);
  }

  /** @param {string} id @param {Entry} entry @param {Wanted} wanted */
  async #fill(id, entry, { names, axis, range }) {
    const found = names.length > 0 ? await this.#fetch(id, names, axis, POINTS, null) : { series: [], marks: [] };
    entry.begin = axis === "time" ? firstOf(found) : 0;
    entry.curves = countedFrom(found, entry.begin);
    entry.detail = null;
    if (found.complete === false) entry.stamp = "not yet read to its end";
    if (range === null || !found.series.some(({ points }) => points.length >= POINTS / 2)) return;
    const detail = await this.#fetch(id, names, axis, POINTS, [range[0] + entry.begin, range[1] + entry.begin]);
    [entry.detail, entry.detailKey] = [countedFrom(detail, entry.begin), String(range)];
  }
}

/** @returns {Entry} */
function blank() {
  return { key: "", stamp: "", curves: null, detail: null, detailKey: "", begin: 0, isBusy: false, at: 0, timer: 0 };
}

/**
 * The curves of a run that are shown: losses, the learning rate, and those that were chosen.
 * @param {Run} run
 * @param {string[]} metrics
 */
export function namesFor(run, metrics) {
  return (run.metrics ?? []).filter(({ name, kind }) => USUAL.has(kind) || metrics.includes(name)).map(({ name }) => name);
}

/** @param {Curves} curves the first x of all */
function firstOf({ series }) {
  const begins = series.flatMap(({ points }) => (points.length > 0 ? [points[0][0]] : []));
  return begins.length > 0 ? Math.min(...begins) : 0;
}

/**
 * Seconds since 1970 as seconds since the first point, so that runs of different days lie over each other.
 * @param {Curves} curves
 * @param {number} begin
 * @returns {Curves}
 */
export function countedFrom(curves, begin) {
  if (begin === 0) return curves;
  const series = curves.series.map((one) => ({ ...one, points: one.points.map(([x, ...values]) => movedBack(x, values, begin)) }));
  const marks = (curves.marks ?? []).map((mark) => ({ ...mark, x: mark.x === null ? null : Math.max(0, mark.x - begin) }));
  return { ...curves, series, marks };
}

/** @param {number} x @param {(number|null)[]} values @param {number} begin */
function movedBack(x, values, begin) {
  return /** @type {import("./api.js").Point} */ ([x - begin, ...values]);
}
