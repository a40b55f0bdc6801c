/** What has been, a page at a time: the backups, the newest of them for the chart, and the jobs. */

import { explain } from "./explain.js";

export const PAGE = 25;
/** How many backups the chart shows. */
const CHART = 100;

/**
 * @template {{Id: number}} E
 * @param {() => Paged<E>} shown
 * @param {(change: Partial<Paged<E>>) => void} tell
 * @param {(uuid: string, before: number, limit: number) => Promise<{found: E[]}>} read
 * and whatever else is to be told
 */
function pager(shown, tell, read) {
  let turn = 0;

  /**
   * Show the page that begins after the last of BEFORE.
   *
   * @param {string} uuid
   * @param {number[]} before
   */
  async function show(uuid, before) {
    const mine = ++turn;
    tell({ loading: true });
    try {
      // One more than fits, to know whether there is another page.
      const { found, ...besides } = await read(uuid, before[before.length - 1], PAGE + 1);
      if (mine !== turn) return;
      const [entries, more] = [found.slice(0, PAGE), found.length > PAGE];
      tell({ ...besides, uuid, before, entries, more, loading: false, trouble: "" });
    } catch (error) {
      if (mine === turn) tell({ loading: false, trouble: explain(error) });
    }
  }

  return {
    /** Those of the disk UUID, or of all disks. @param {string} uuid */
    choose: (uuid) => show(uuid, [0]),
    older() {
      const { uuid, before, entries } = shown();
      const last = entries.at(-1);
      return last ? show(uuid, [...before, last.Id]) : undefined;
    },
    newer() {
      const { uuid, before } = shown();
      return before.length > 1 ? show(uuid, before.slice(0, -1)) : undefined;
    },
    /** Look again at what is shown: something has begun or ended. */
    refresh() {
      const { uuid, before } = shown();
      return show(uuid, before);
    },
  };
}

/**
 * @param {import("./bus.js").Bus} bus
 * @param {import("./store.js").Store} store
 */
export function makePages(bus, store) {
  /**
   * @param {string} member
   * @param {string} uuid
   * @param {number} before
   * @param {number} limit
   */
  const read = (member, uuid, before, limit) => bus.read(member, "stu", [uuid, before, limit]);

  const history = pager(
    () => store.state.history,
    (change) => store.send({ type: "history", change }),
    async (uuid, before, limit) => {
      const [found, recent] = await Promise.all([
        read("GetHistory", uuid, before, limit),
        read("GetHistory", uuid, 0, CHART),
      ]);
      return { found: /** @type {Entry[]} */ (found), recent };
    },
  );
  const past = pager(
    () => store.state.past,
    (change) => store.send({ type: "past", change }),
    async (uuid, before, limit) => ({
      found: /** @type {JobEntry[]} */ (await read("GetJobs", uuid, before, limit)),
    }),
  );
  return {
    history,
    past,
    /** What was done with the disk UUID, or with all disks. @param {string} uuid */
    choose(uuid) {
      history.choose(uuid);
      past.choose(uuid);
    },
    refresh() {
      history.refresh();
      past.refresh();
    },
  };
}

/**
 * @typedef {ReturnType<typeof pager<{Id: number}>>} Pager
 * @typedef {ReturnType<typeof makePages>} Pages
 */
