/** The history, a page at a time, and the newest of it for the chart. */

import { explain } from "./explain.js";

export const PAGE = 25;
/** How many backups the chart shows. */
const CHART = 100;

/**
 * @param {import("./bus.js").Bus} bus
 * @param {import("./store.js").Store} store
 */
export function makePages(bus, store) {
  let turn = 0;

  /** @param {Partial<HistoryState>} change */
  const tell = (change) => store.send({ type: "history", change });

  /**
   * @param {string} uuid
   * @param {number} before
   * @param {number} limit
   */
  const read = async (uuid, before, limit) =>
    /** @type {Entry[]} */ (await bus.read("GetHistory", "stu", [uuid, before, limit]));

  /**
   * Show the page that begins after the last of BEFORE.
   *
   * @param {string} uuid
   * @param {number[]} before
   */
  async function show(uuid, before) {
    const mine = ++turn;
    const last = before[before.length - 1];
    tell({ loading: true });
    try {
      // One more than fits, to know whether there is another page.
      const [found, recent] = await Promise.all([read(uuid, last, PAGE + 1), read(uuid, 0, CHART)]);
      if (mine !== turn) return;
      const entries = found.slice(0, PAGE);
      const more = found.length > PAGE;
      tell({ uuid, before, entries, more, recent, loading: false, trouble: "" });
    } catch (error) {
      if (mine === turn) tell({ loading: false, trouble: explain(error) });
    }
  }

  return {
    /** Those of the disk UUID, or of all disks. @param {string} uuid */
    choose: (uuid) => show(uuid, [0]),
    older() {
      const { uuid, before, entries } = store.state.history;
      const last = entries.at(-1);
      return last ? show(uuid, [...before, last.Id]) : undefined;
    },
    newer() {
      const { uuid, before } = store.state.history;
      return before.length > 1 ? show(uuid, before.slice(0, -1)) : undefined;
    },
    /** Look again at what is shown: something has begun or ended. */
    refresh() {
      const { uuid, before } = store.state.history;
      return show(uuid, before);
    },
  };
}

/** @typedef {ReturnType<typeof makePages>} Pages */
