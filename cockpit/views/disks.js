/** The disks, known and connected, each with what can be done with it. */

import { may } from "../access.js";
import { h, remembering } from "../dom.js";
import { called } from "../news.js";
import { _, clean, fill, ngettext, say, sentence } from "../text.js";
import { ago, moment, size } from "../units.js";
import { DISK_STATES, REASONS, VERDICTS } from "../words.js";
import { underway } from "./banner.js";
import { deeds } from "./deeds.js";
import { button, card, label } from "./parts.js";
import { wholeDisk, wholes } from "./prepare.js";

/** How much a state matters, and how it is coloured. @type {Record<string, [number, string]>} */
const LOOKS = {
  running: [0, "running"],
  queued: [1, "running"],
  held: [2, "error"],
  rejected: [3, "error"],
  "safe-to-unplug": [4, "good"],
  unknown: [5, "info"],
  plugged: [6, "info"],
  absent: [8, "plain"],
};
export const LEVELS = {
  success: "good",
  warning: "warning",
  failed: "error",
  interrupted: "error",
  cancelled: "warning",
  "": "running",
};

/** @param {string} verdict */
export const level = (verdict) =>
  Object.hasOwn(LEVELS, verdict) ? LEVELS[/** @type {keyof typeof LEVELS} */ (verdict)] : "info";

/** @param {Disk} disk */
function look({ State: state, Reason: reason }) {
  if (state === "held" && reason === "job") return LOOKS.running;
  return Object.hasOwn(LOOKS, state) ? LOOKS[state] : LOOKS.plugged;
}

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 */
export function disks(state, actions) {
  const sorted = Object.entries(state.disks).sort(
    ([, one], [, other]) =>
      look(one)[0] - look(other)[0] ||
      called(one).localeCompare(called(other), undefined, { numeric: true }),
  );
  const whole = wholes(state);
  const plugged = sorted.filter(([, disk]) => disk.Device).length;
  const count = fill(_("{saved}, {plugged}"), {
    saved: ngettext("{n} disk", "{n} disks", sorted.length),
    plugged: ngettext("{n} plugged in", "{n} plugged in", plugged),
  });
  return card(
    "disks",
    _("Disks"),
    [
      h("span", { class: "aside" }, count),
      state.manager?.Holds?.length === 0 &&
        button(_("Start no backup for an hour"), () => actions.hold(""), {
          look: "link",
          disabled: !may(state.access, "Hold"),
        }),
    ],
    sorted.length === 0 &&
      whole.length === 0 &&
      h("p", { class: "nothing" }, _("No disk is saved, and none is plugged in.")),
    h(
      "ul",
      { class: "disks" },
      sorted.map(([path, disk]) => {
        const [key, backup] = current(state, disk.UUID);
        const pending = state.pending.filter((one) => one.endsWith(` ${disk.UUID}`)).join();
        // What does not move needs no clock.
        const minute = Math.floor(state.now / 60_000);
        return item(
          path,
          path,
          disk,
          backup,
          state.paces[key],
          state.access,
          pending,
          minute,
          actions,
        );
      }),
      whole.map((one) => wholeDisk(one, state.access, actions)),
    ),
  );
}

/**
 * The backup of the disk UUID that is queued or runs.
 *
 * @param {State} state
 * @param {string} uuid
 * @returns {[string, Backup | null]}
 */
function current(state, uuid) {
  const found = Object.entries(state.backups).find(
    ([, backup]) => backup.UUID === uuid && backup.State !== "done",
  );
  return found ?? ["", null];
}

const item = remembering(
  /**
   * @param {string} path
   * @param {Disk} disk
   * @param {Backup | null} backup
   * @param {Pace | undefined} pace
   * @param {Access} access
   * @param {string} pending
   * @param {number} minute
   * @param {import("../actions.js").Actions} actions
   */
  (path, disk, backup, pace, access, pending, minute, actions) => {
    const id = `disk-${disk.UUID}`;
    const now = minute * 60_000;
    const moving = backup?.State !== "queued" && backup;
    return h(
      "li",
      { key: path, class: "disk", id, "data-state": disk.State, "aria-labelledby": `${id}-name` },
      h(
        "div",
        { class: "disk-head" },
        h("h3", { id: `${id}-name` }, clean(disk.Name || disk.Label, 80) || _("Unknown disk")),
        label(look(disk)[1], say(DISK_STATES, disk.State)),
      ),
      disk.Reason &&
        h(
          "p",
          { class: disk.Reason === "job" ? "help" : "reason" },
          sentence(say(REASONS, disk.Reason)),
        ),
      moving && underway(pace, moving, fill(_("Backup onto {name}"), { name: called(disk) })),
      facts(disk, now),
      deeds(disk, Boolean(backup), access, pending, actions),
    );
  },
);

/**
 * @param {Disk} disk
 * @param {number} now
 */
function facts(disk, now) {
  /** @type {[string, Child][]} */
  const rows = [
    [_("Device"), disk.Device || _("not plugged in")],
    [_("Model"), clean(disk.Model, 80)],
    [_("Label"), disk.Saved && clean(disk.Label, 80)],
    [_("Serial number"), clean(disk.Serial, 80)],
    [_("File system"), disk.FilesystemType && clean(disk.FilesystemType, 20)],
    [_("Room"), room(disk)],
  ];
  if (disk.Saved) {
    rows.push([
      _("Last good backup"),
      disk.LastSuccess
        ? h(
            "time",
            { datetime: new Date(disk.LastSuccess / 1000).toISOString() },
            fill(_("{when} ({date})"), {
              when: ago(disk.LastSuccess, now),
              date: moment(disk.LastSuccess),
            }),
          )
        : _("never"),
    ]);
    rows.push([
      _("Last backup"),
      disk.LastVerdict
        ? label(level(disk.LastVerdict), say(VERDICTS, disk.LastVerdict))
        : _("none yet"),
    ]);
  }
  rows.push(["UUID", h("code", null, clean(disk.UUID, 80))]);
  return h(
    "dl",
    { class: "facts-list" },
    rows
      .filter(([, value]) => value)
      .map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );
}

/** @param {Disk} disk */
function room(disk) {
  if (!disk.Size) return "";
  if (!disk.Free) return size(disk.Size);
  const used = Math.max(0, disk.Size - disk.Free);
  const text = fill(_("{free} free of {size}"), { free: size(disk.Free), size: size(disk.Size) });
  return [
    h("span", { class: "room-text" }, text),
    h(
      "div",
      { class: "bar thin", "aria-hidden": "true" },
      h("div", {
        class: used / disk.Size > 0.9 ? "bar-done full" : "bar-done",
        style: { width: `${Math.round((used / disk.Size) * 100)}%` },
      }),
    ),
  ];
}
