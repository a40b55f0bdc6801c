/** What a person should know at a glance, worst first. */

import { _, clean, fill, say } from "./text.js";
import { told } from "./told.js";
import { ago, moment, quoted } from "./units.js";
import { ALERT_LEVELS, ALERTS, CODES, VERDICT_WORDS, VERDICTS, WHY } from "./words.js";

/** @typedef {"error" | "warning" | "running" | "safe" | "info" | "good"} Level */
/**
 * @typedef {object} Item
 * @property {string} key
 * @property {Level} level
 * @property {string} title
 * @property {string} text
 * @property {Disk} [disk]
 * @property {{path: string, backup: Backup | Job}} [running]
 * @property {string} [view] the UUID of the disk of which a backup is shown
 * @property {string} [hold] the UUID of the disk that is held back; empty = all
 * @property {Job} [job] of which it is told
 */

/** ms */
const HOUR = 3_600_000;

/** @type {Level[]} */
const ORDER = ["error", "warning", "running", "safe", "info", "good"];

/**
 * @param {State} state
 * @returns {Item[]} worst first; the daemon's own order among those that are equally bad
 */
export function news(state) {
  const disks = Object.values(state.disks);
  const items = [
    ...alerts(state, disks),
    ...underway(state, disks),
    ...jobs(state, disks),
    ...views(state, disks),
    ...holds(state, disks),
    ...disks.filter((disk) => disk.State === "safe-to-unplug").map(safe),
  ];
  if (!items.some((item) => item.level === "error" || item.level === "warning")) {
    items.push(...summary(disks, state.now));
  }
  return items.sort((one, other) => ORDER.indexOf(one.level) - ORDER.indexOf(other.level));
}

/** @param {Disk} disk */
export const nameOf = (disk) => disk.Name || disk.Label || disk.UUID;

/** What DISK is called. @param {Disk} disk */
export const called = (disk) => quoted(nameOf(disk));

/**
 * @param {State} state
 * @param {Disk[]} disks
 * @returns {Item[]}
 */
function alerts(state, disks) {
  const found = state.manager?.Alerts ?? [];
  return (
    found
      .map((alert) => ({ alert, disk: disks.find((one) => one.UUID === alert.UUID) }))
      .filter(({ alert }) => alert.Code !== "safe-to-unplug")
      // That backups on it are read is no bad news, and said by what reads them.
      .filter(({ alert, disk }) => alert.Code !== "held" || disk?.Reason !== "job")
      .map(({ alert, disk }) => {
        const what = say(ALERTS, alert.Code);
        const title = disk
          ? fill(_("{subject}: {text}"), { subject: called(disk), text: what })
          : what;
        const level = /** @type {Level} */ (ALERT_LEVELS[alert.Code] ?? "info");
        const text = [told(alert.Message), reason(state, alert)].filter(Boolean).join(" · ");
        return { key: `${alert.Code} ${alert.UUID} ${alert.Since}`, level, title, text, disk };
      })
  );
}

/**
 * Why the backup that an alert is about ended as it did: that says what to do.
 *
 * @param {State} state
 * @param {Manager["Alerts"][number]} alert
 */
function reason(state, alert) {
  if (!Object.hasOwn(VERDICT_WORDS, alert.Code)) return "";
  const last = Object.values(state.backups).find(
    (backup) => backup.UUID === alert.UUID && backup.Verdict === alert.Code,
  );
  return last ? told(last.Message, say(CODES, last.Code)) : "";
}

/**
 * @param {State} state
 * @param {Disk[]} disks
 * @returns {Item[]}
 */
function underway(state, disks) {
  return Object.entries(state.backups)
    .filter(([, backup]) => backup.State !== "done" && backup.State !== "queued")
    .map(([path, backup]) => {
      const disk = disks.find((one) => one.UUID === backup.UUID);
      const name = disk ? called(disk) : backup.UUID;
      return {
        key: path,
        level: /** @type {Level} */ ("running"),
        title: fill(_("Backing up onto {name}: do not unplug it"), { name }),
        text: "",
        disk,
        running: { path, backup },
      };
    });
}

/**
 * Restores and verifications: those that run, and for an hour how they ended.
 *
 * @param {State} state
 * @param {Disk[]} disks
 * @returns {Item[]}
 */
function jobs(state, disks) {
  return Object.entries(state.jobs)
    .filter(([, job]) => job.State !== "done" || state.now - job.FinishedAt / 1000 < HOUR)
    .map(([path, job]) => {
      const disk = disks.find((one) => one.UUID === job.UUID);
      const name = disk ? called(disk) : job.UUID;
      return job.State === "done" ? ended(path, job, name, disk) : going(path, job, name, disk);
    });
}

/**
 * @param {string} path
 * @param {Job} job
 * @param {string} name
 * @param {Disk | undefined} disk
 * @returns {Item}
 */
function going(path, job, name, disk) {
  const title =
    job.Kind === "verify"
      ? fill(_("Verifying a backup on {name}: do not unplug it"), { name })
      : fill(_("Restoring from {name}: do not unplug it"), { name });
  const running = { path, backup: job };
  return { key: path, level: "running", title, text: job.Snapshot, disk, running, job };
}

/**
 * @param {string} path
 * @param {Job} job
 * @param {string} name
 * @param {Disk | undefined} disk
 * @returns {Item}
 */
function ended(path, job, name, disk) {
  const subject =
    job.Kind === "verify"
      ? fill(_("Verification of a backup on {name}"), { name })
      : fill(_("Restore from {name}"), { name });
  const title = fill(_("{subject}: {text}"), { subject, text: say(VERDICTS, job.Verdict) });
  const text = [job.Snapshot, told(job.Message, say(WHY, job.Code))].filter(Boolean).join(" · ");
  const isBad = job.Verdict === "failed" || job.Verdict === "interrupted";
  const level = job.Verdict === "success" ? "good" : isBad ? "error" : "warning";
  return { key: path, level, title, text, disk };
}

/**
 * While one of its backups is shown, a disk is in use.
 *
 * @param {State} state
 * @param {Disk[]} disks
 * @returns {Item[]}
 */
function views(state, disks) {
  return disks
    .filter((disk) => disk.BrowseUntil)
    .map((disk) => {
      const facts = { name: called(disk), date: moment(disk.BrowseUntil ?? 0) };
      const title = fill(_("Backups on {name} are shown until {date}: do not unplug it"), facts);
      const text = clean(state.views[disk.UUID] ?? "", 500);
      return { key: `view ${disk.UUID}`, level: "running", title, text, disk, view: disk.UUID };
    });
}

/**
 * While a disk is held back, plugging it in starts nothing: who waits for a backup must know.
 *
 * @param {State} state
 * @param {Disk[]} disks
 * @returns {Item[]}
 */
function holds(state, disks) {
  return (state.manager?.Holds ?? []).map(([uuid, until]) => {
    const disk = disks.find((one) => one.UUID === uuid);
    const name = disk ? called(disk) : uuid;
    const title = uuid
      ? fill(_("Plugging in {name} starts no backup until {date}"), { name, date: moment(until) })
      : fill(_("Plugging a disk in starts no backup until {date}"), { date: moment(until) });
    return { key: `hold ${uuid}`, level: "warning", title, text: "", disk, hold: uuid };
  });
}

/** @param {Disk} disk @returns {Item} */
function safe(disk) {
  const title = fill(_("You may unplug {name}"), { name: called(disk) });
  return { key: `safe ${disk.UUID}`, level: "safe", title, text: disk.Device, disk };
}

/**
 * @param {Disk[]} disks
 * @param {number} now
 * @returns {Item[]}
 */
function summary(disks, now) {
  if (!disks.some((disk) => disk.Saved)) {
    return [
      {
        key: "no disk",
        level: "info",
        title: _("No backup disk is saved yet"),
        text: _("Plug a disk in; it appears below, and can be saved under a name."),
      },
    ];
  }
  const last = Math.max(0, ...disks.map((disk) => disk.LastSuccess));
  if (!last) return [];
  const title = _("The server is backed up");
  const when = ago(last, now);
  return [
    { key: "good", level: "good", title, text: fill(_("Last good backup: {when}"), { when }) },
  ];
}
