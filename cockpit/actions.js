/** What a person can ask for. Each says in the state that it is under way, and what became of it. */

import { explain } from "./explain.js";

/** What is asked for at first: everything, beside what is there. @type {Wish} */
const WISH = { goal: "folder", what: [], folder: "" };

/** What DIALOG is about. @param {Dialog} dialog */
function about(dialog) {
  if (dialog.kind === "log") return dialog.entry;
  return dialog.kind === "prepare" ? dialog.device : dialog.uuid;
}

/** Lines of a log that are shown at first; there may be tens of thousands. */
export const LOG_LINES = 500;

/**
 * @param {import("./bus.js").Bus} bus
 * @param {import("./store.js").Store} store
 */
export function makeActions(bus, store) {
  const { send } = store;

  /**
   * @param {string} key
   * @param {string} member
   * @param {string} type
   * @param {unknown[]} args
   */
  async function ask(key, member, type, args) {
    if (store.state.pending.includes(key)) return;
    send({ type: "asked", key });
    let trouble = "";
    try {
      await bus.ask(member, type, args);
    } catch (error) {
      trouble = explain(error);
    }
    send({ type: "answered", key, trouble });
  }

  /**
   * As `ask`, for what a dialog asks for: it closes once it is done, and else says why not.
   *
   * @param {string} member
   * @param {string} type
   * @param {unknown[]} args
   */
  async function askInDialog(member, type, args) {
    const dialog = store.state.dialog;
    send({ type: "dialog-change", change: { busy: true, trouble: "" } });
    try {
      await bus.ask(member, type, args);
      if (isSame(dialog)) send({ type: "dialog", dialog: null });
    } catch (error) {
      if (isSame(dialog)) {
        send({ type: "dialog-change", change: { busy: false, trouble: explain(error) } });
      } else {
        send({ type: "trouble", trouble: explain(error) });
      }
    }
  }

  /**
   * As `askInDialog`, but the dialog stays; the answer, or undefined.
   *
   * @param {string} member
   * @param {string} type
   * @param {unknown[]} args
   */
  async function inOpenDialog(member, type, args) {
    const dialog = store.state.dialog;
    send({ type: "dialog-change", change: { busy: true, trouble: "" } });
    /** @type {unknown} */
    let answer;
    let trouble = "";
    try {
      answer = await bus.ask(member, type, args);
    } catch (error) {
      trouble = explain(error);
    }
    if (isSame(dialog)) send({ type: "dialog-change", change: { busy: false, trouble } });
    return answer;
  }

  /** What lies on the disk that the dialog is about. */
  async function listSnapshots() {
    const dialog = store.state.dialog;
    if (dialog?.kind !== "snapshots") return;
    /** @type {object} */
    let change;
    try {
      change = { snapshots: await bus.ask("ListSnapshots", "s", [dialog.uuid]) };
    } catch (error) {
      change = { trouble: explain(error) };
    }
    if (isSame(dialog)) send({ type: "dialog-change", change: { busy: false, ...change } });
  }

  /** Whether DIALOG is still the one on the screen. @param {Dialog | null} dialog */
  const isSame = (dialog) =>
    store.state.dialog !== null &&
    store.state.dialog.kind === dialog?.kind &&
    about(store.state.dialog) === about(dialog);

  return {
    /** @param {string} uuid */
    backUp: (uuid) => ask(`run ${uuid}`, "RunBackup", "s", [uuid]),
    /** @param {string} uuid */
    cancel: (uuid) => ask(`cancel ${uuid}`, "CancelBackup", "s", [uuid]),
    /** @param {number} id */
    cancelJob: (id) => ask(`cancel-job ${id}`, "CancelJob", "t", [id]),
    /** @param {string} uuid empty = every disk */
    hold: (uuid) => ask(`hold ${uuid}`, "Hold", "su", [uuid, 0]),
    /** @param {string} uuid empty = every disk */
    release: (uuid) => ask(`release ${uuid}`, "Release", "s", [uuid]),
    /** @param {Disk} disk */
    unplug: (disk) => ask(`unplug ${disk.UUID}`, "Unplug", "s", [disk.Device]),
    /**
     * @param {string} script
     * @param {boolean} enabled
     */
    enable: (script, enabled) =>
      ask(`script ${script}`, "SetScriptEnabled", "sb", [script, enabled]),
    reload: () => ask("reload", "Reload", "", []),
    /**
     * @param {string} uuid
     * @param {string} name
     */
    save: (uuid, name) => askInDialog("SaveDisk", "ss", [uuid, name]),
    /** @param {string} uuid */
    forget: (uuid) => askInDialog("ForgetDisk", "s", [uuid]),

    /**
     * @param {"save" | "rename" | "forget" | "unplug"} kind
     * @param {string} uuid
     */
    open: (kind, uuid) =>
      send({ type: "dialog", dialog: { kind, uuid, trouble: "", busy: false } }),
    close: () => send({ type: "dialog", dialog: null }),
    /** @param {Whole} whole */
    openPreparing({ Device: device, DiskSequence: sequence }) {
      const dialog = { kind: /** @type {const} */ ("prepare"), device, sequence };
      send({ type: "dialog", dialog: { ...dialog, trouble: "", busy: false } });
    },
    /**
     * Make a whole disk a backup disk. It is named by its very appearance, so that what was shown is
     * what is erased, though another be plugged in its place meanwhile.
     *
     * @param {Extract<Dialog, {kind: "prepare"}>} dialog
     * @param {{name: string, filesystem: string, erase: boolean}} wanted
     */
    prepare({ device, sequence }, { name, filesystem, erase }) {
      const path = sequence ? `/dev/disk/by-diskseq/${sequence}` : device;
      return askInDialog("PrepareDisk", "sssb", [path, name, filesystem, erase]);
    },

    /** @param {Entry | JobEntry} entry */
    async openLog(entry) {
      const dialog = { kind: /** @type {const} */ ("log"), entry, text: null, trouble: "" };
      send({ type: "dialog", dialog: { ...dialog, search: "", most: LOG_LINES } });
      /** @param {object} change */
      const tell = (change) => {
        const shown = store.state.dialog;
        if (shown?.kind === "log" && shown.entry === entry) {
          send({ type: "dialog-change", change });
        }
      };
      try {
        tell({ text: await bus.ask("Kind" in entry ? "GetJobLog" : "GetLog", "t", [entry.Id]) });
      } catch (error) {
        tell({ trouble: explain(error) });
      }
    },
    /** @param {string} uuid */
    openSnapshots(uuid) {
      const dialog = { kind: /** @type {const} */ ("snapshots"), uuid, snapshots: null };
      const first = { restoring: "", wish: WISH, asking: false, trouble: "", busy: true };
      send({ type: "dialog", dialog: { ...dialog, ...first } });
      return listSnapshots();
    },
    /** @param {string} snapshot empty = back to the list */
    chooseToRestore: (snapshot) =>
      send({
        type: "dialog-change",
        change: { restoring: snapshot, wish: WISH, asking: false, trouble: "" },
      }),
    /**
     * @param {Wish} wish
     * @param {boolean} [asking] whether it is to be confirmed
     */
    wish: (wish, asking = false) =>
      send({ type: "dialog-change", change: { wish, asking, trouble: "" } }),
    /**
     * @param {string} uuid
     * @param {string} snapshot
     */
    async browse(uuid, snapshot) {
      const path = await inOpenDialog("Browse", "ss", [uuid, snapshot]);
      if (path) send({ type: "view", uuid, path: String(path) });
    },
    /** @param {string} uuid */
    endBrowse: (uuid) => ask(`end-browse ${uuid}`, "EndBrowse", "s", [uuid]),
    /**
     * @param {string} uuid
     * @param {Snapshot} snapshot
     */
    async pin(uuid, snapshot) {
      await inOpenDialog("PinSnapshot", "ssb", [uuid, snapshot.Snapshot, !snapshot.Pinned]);
      if (!store.state.dialog?.trouble) await listSnapshots();
    },
    /**
     * @param {string} uuid
     * @param {string} snapshot
     */
    verify: (uuid, snapshot) => askInDialog("Verify", "ssu", [uuid, snapshot, 100]),
    /**
     * @param {string} uuid
     * @param {string} snapshot
     * @param {Wish} wish
     */
    restore(uuid, snapshot, { goal, what, folder }) {
      /** @type {Record<string, object>} */
      let options = {};
      if (goal === "place") options = { "in-place": { t: "b", v: true } };
      else if (goal !== "folder") options = { database: { t: "s", v: goal } };
      const where = goal === "folder" ? folder : "";
      return askInDialog("Restore", "ssassa{sv}", [uuid, snapshot, what, where, options]);
    },
    /** @param {string} search */
    searchLog: (search) => send({ type: "dialog-change", change: { search, most: LOG_LINES } }),
    /** @param {number} most */
    showLines: (most) => send({ type: "dialog-change", change: { most } }),

    /** @param {boolean} shown */
    showAllNews: (shown) => send({ type: "all-news", shown }),
    dismissTrouble: () => send({ type: "trouble", trouble: "" }),
    retry: () => bus.retry(),
  };
}

/** @typedef {ReturnType<typeof makeActions>} Actions */
