// @ts-check
/** Fetches the curves of the runs that are shown, again when a run went on, and never twice at once for one run. */

/** @typedef {import("./api.js").Run} Run */
/** @typedef {import("./api.js").Curves} Curves */

const LEAST_GAP = 1000;
const POINTS = 2000;
const USUAL = new Set(["train_loss", "validation_loss", "learning_rate"]);

/** @typedef {{ key: string, stamp: string, curves: Curves|null, isBusy: boolean, at: number, timer: number }} Entry */

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

  /** @param {string} id @returns {Curves|null} */
  of(id) {
    return this.#entries.get(id)?.curves ?? null;
  }

  /**
   * Want the curves of these runs, and no others.
   * @param {Run[]} runs
   * @param {string[]} metrics further ones, by name
   * @param {string} axis
   */
  want(runs, metrics, axis) {
    const ids = new Set(runs.map((run) => run.id));
    for (const [id, entry] of this.#entries) {
      if (ids.has(id)) continue;
      clearTimeout(entry.timer);
      this.#entries.delete(id);
    }
    for (const run of runs) this.#wantOne(run, namesFor(run, metrics), axis);
  }

  /** @param {Run} run @param {string[]} names @param {string} axis */
  #wantOne(run, names, axis) {
    const key = JSON.stringify([names, axis]);
    const stamp = `${run.updated_at} ${run.step} ${run.state} ${run.checkpoints.length}`;
    const known = this.#entries.get(run.id) ?? { key: "", stamp: "", curves: null, isBusy: false, at: 0, timer: 0 };
    this.#entries.set(run.id, known);
    const isOther = known.key !== key;
    if (known.isBusy || (!isOther && known.stamp === stamp)) return;
    const wait = isOther ? 0 : Math.max(0, known.at + LEAST_GAP - Date.now());
    clearTimeout(known.timer);
    if (wait > 0) {
      known.timer = window.setTimeout(() => this.#wantOne(run, names, axis), wait);
      return;
    }
    Object.assign(known, { isBusy: true, key, stamp, at: Date.now() });
    this.#get(run.id, known, names, axis);
  }

  /** @param {string} id @param {Entry} entry @param {string[]} names @param {string} axis */
  async #get(id, entry, names, axis) {
    let trouble;
    try {
      const curves = names.length > 0 ? await this.#fetch(id, names, axis, POINTS) : { series: [], marks: [] };
      entry.curves = axis === "time" ? sinceBegin(curves) : curves;
    } catch (error) {
      trouble = error;
    } finally {
      entry.isBusy = false;
    }
    if (this.#entries.get(id) === entry) this.#changed(trouble);
  }
}

/**
 * The curves of a run that are shown: losses, the learning rate, and those that were chosen.
 * @param {Run} run
 * @param {string[]} metrics
 */
export function namesFor(run, metrics) {
  return (run.metrics ?? []).filter(({ name, kind }) => USUAL.has(kind) || metrics.includes(name)).map(({ name }) => name);
}

/**
 * Seconds since 1970 as seconds since the first point, so that runs of different days lie over each other.
 * @param {Curves} curves
 * @returns {Curves}
 */
export function sinceBegin({ series, marks = [] }) {
  const begins = series.flatMap(({ points }) => (points.length > 0 ? [points[0][0]] : []));
  const begin = begins.length > 0 ? Math.min(...begins) : 0;
  return {
    series: series.map((one) => ({ ...one, points: one.points.map(([x, ...values]) => [x - begin, ...values]) })),
    marks: marks.map((mark) => ({ ...mark, x: mark.x === null ? null : Math.max(0, mark.x - begin) })),
  };
}
