/** The backups that lie on a disk: kept, verified, shown, restored. */

import { h } from "../dom.js";
import { called } from "../news.js";
import { _, clean, fill, number, say } from "../text.js";
import { moment, size } from "../units.js";
import { PROOFS } from "../words.js";
import { modal } from "./dialog.js";
import { alert, button, label, table } from "./parts.js";
import { restoring } from "./restore.js";

/**
 * @typedef {Extract<Dialog, {kind: "snapshots"}>} Open
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {string} view where a backup of it is shown, if that is known
 * @param {Actions} actions
 */
export function snapshotsDialog(open, disk, view, actions) {
  const name = called(disk);
  let title = fill(_("Backups on {name}"), { name });
  if (open.restoring)
    title = fill(_("Restore {snapshot}"), { snapshot: clean(open.restoring, 120) });
  if (open.asking) title = _("Replace what is there now?");
  return modal(
    `snapshots ${open.uuid}`,
    title,
    actions.close,
    { class: "wide" },
    open.trouble && alert("error", open.trouble, { role: "alert", key: "trouble" }),
    open.restoring ? restoring(open, disk, actions) : list(open, disk, view, actions),
  );
}

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {string} view
 * @param {Actions} actions
 */
function list(open, disk, view, actions) {
  const found = open.snapshots;
  const columns = [_("Started"), _("Host"), _("Size"), _("Files")];
  // All of it needs the disk itself, and to have it alone.
  const disabled = open.busy || !disk.Device || Boolean(disk.BrowseUntil);
  return h(
    "div",
    { key: "list", class: "stack" },
    disk.BrowseUntil ? shown(disk, disk.BrowseUntil, view, open.busy, actions) : null,
    !found && open.busy && h("p", { role: "status" }, _("Looking at the disk…")),
    found?.length === 0 && h("p", null, _("There is no complete backup on it.")),
    found &&
      found.length > 0 &&
      !disk.Device &&
      h("p", { class: "help" }, _("As last seen: the disk is not plugged in.")),
    found &&
      found.length > 0 &&
      table(
        "dialog-title",
        columns,
        _("What can be done"),
        found.map((one) => row(one, disk, open, disabled, actions)),
      ),
    h("div", { class: "buttons" }, button(_("Close"), actions.close, { look: "link" })),
  );
}

/**
 * Where it can be walked.
 *
 * @param {Disk} disk
 * @param {number} until
 * @param {string} view
 * @param {boolean} disabled
 * @param {Actions} actions
 */
function shown(disk, until, view, disabled, actions) {
  const title = fill(_("Shown until {date}, only for reading"), { date: moment(until) });
  // The daemon shows root the whole disk, and others one backup, as their own.
  const here = view?.includes("/views/")
    ? _("In a terminal of the server it is here, for you and root alone:")
    : _("In a terminal of the server, as root, it is here:");
  return alert(
    "info",
    title,
    { key: "view", id: "view" },
    view && h("p", null, here),
    view && h("p", null, h("code", null, clean(view, 500))),
    button(_("Show it no longer"), () => actions.endBrowse(disk.UUID), { look: "link", disabled }),
  );
}

/**
 * @param {Snapshot} one
 * @param {Disk} disk
 * @param {Open} open
 * @param {boolean} disabled
 * @param {Actions} actions
 */
function row(one, disk, open, disabled, actions) {
  /**
   * @param {string} text
   * @param {() => unknown} onclick
   * @param {boolean} [refused]
   */
  const deed = (text, onclick, refused = false) =>
    button(text, onclick, {
      look: "link",
      disabled: disabled || refused,
      "aria-label": fill(_("{subject}: {text}"), { subject: clean(one.Snapshot, 120), text }),
    });
  return {
    props: { key: one.Snapshot, "data-snapshot": one.Snapshot },
    cells: [
      [
        moment(one.StartedAt),
        one.Pinned && label("info", _("pinned")),
        one.Proof &&
          one.Proof !== "sealed" &&
          label(one.Proof === "broken" ? "error" : "warning", say(PROOFS, one.Proof)),
      ],
      clean(one.Host, 80),
      one.Bytes ? size(one.Bytes) : "–",
      one.Files ? number(one.Files) : "–",
    ],
    deeds: h(
      "div",
      { class: "buttons" },
      // On the disk of a stranger nothing is written.
      disk.Saved && deed(one.Pinned ? _("Unpin") : _("Pin"), () => actions.pin(open.uuid, one)),
      deed(_("Verify"), () => actions.verify(open.uuid, one.Snapshot), !one.Manifest),
      deed(_("Show"), () => actions.browse(open.uuid, one.Snapshot)),
      deed(_("Restore…"), () => actions.chooseToRestore(one.Snapshot)),
    ),
  };
}
