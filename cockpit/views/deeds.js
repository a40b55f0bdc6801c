/** What can be done with a disk now. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { called } from "../news.js";
import { _, fill } from "../text.js";
import { button } from "./parts.js";

/**
 * @param {Disk} disk
 * @param {boolean} busy whether a backup of it is queued or runs
 * @param {Access} access
 * @param {string} pending
 * @param {import("../actions.js").Actions} actions
 */
export function deeds(disk, busy, access, pending, actions) {
  const { UUID: uuid } = disk;
  const plugged = Boolean(disk.Device);
  const isSafe = disk.State === "safe-to-unplug";
  const waiting = (/** @type {string} */ what) => pending.includes(`${what} `);
  /**
   * @param {string} member
   * @param {string} text
   * @param {() => unknown} onclick
   * @param {Props} [props]
   */
  const one = (member, text, onclick, props) =>
    button(text, onclick, {
      key: member,
      // Every disk has such a button; who hears them needs to know whose it is.
      "aria-label": fill(_("{subject}: {text}"), { subject: called(disk), text }),
      disabled: !may(access, member),
      ...props,
    });
  const name = { key: "name", look: disk.Saved ? "link" : "primary" };
  const list = { look: "link" };
  const forget = {
    look: "link danger",
    disabled: busy || !may(access, "ForgetDisk"),
  };
  return h(
    "div",
    { class: "buttons" },
    disk.Saved &&
      plugged &&
      !busy &&
      one("RunBackup", waiting("run") ? _("Starting…") : _("Back up now"), () =>
        actions.backUp(uuid),
      ),
    busy &&
      one("CancelBackup", waiting("cancel") ? _("Cancelling…") : _("Cancel"), () =>
        actions.cancel(uuid),
      ),
    plugged &&
      disk.Saved &&
      !isSafe &&
      one("Unplug", waiting("unplug") ? _("Unplugging…") : _("Unplug safely"), () =>
        busy ? actions.open("unplug", uuid) : actions.unplug(disk),
      ),
    !disk.Saved && one("SaveDisk", _("Save…"), () => actions.open("save", uuid), name),
    // Of the disk of a server that is dead, too, which nobody wants to save here.
    (disk.Saved || disk.State === "unknown") &&
      one("ListSnapshots", _("Backups…"), () => actions.openSnapshots(uuid), list),
    disk.Saved && one("SaveDisk", _("Rename…"), () => actions.open("rename", uuid), name),
    disk.Saved && one("ForgetDisk", _("Forget…"), () => actions.open("forget", uuid), forget),
  );
}
