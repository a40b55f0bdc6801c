/** The backups that lie on a disk: kept, verified, restored. */

import { h } from "../dom.js";
import { called } from "../news.js";
import { _, clean, fill, number } from "../text.js";
import { moment, size } from "../units.js";
import { modal } from "./dialog.js";
import { alert, button, label } from "./parts.js";

/**
 * @typedef {Extract<Dialog, {kind: "snapshots"}>} Open
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
export function snapshotsDialog(open, disk, actions) {
  const name = called(disk);
  const title = open.restoring
    ? fill(_("Restore {snapshot}"), { snapshot: clean(open.restoring, 120) })
    : fill(_("Backups on {name}"), { name });
  return modal(
    `snapshots ${open.uuid}`,
    title,
    actions.close,
    { class: "wide" },
    open.trouble && alert("error", open.trouble, { role: "alert", key: "trouble" }),
    open.restoring ? form(open, actions) : list(open, disk, actions),
  );
}

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
function list(open, disk, actions) {
  const found = open.snapshots;
  const columns = [_("Started"), _("Host"), _("Size"), _("Files")];
  // Pinning, verifying and restoring need the disk itself.
  const disabled = open.busy || !disk.Device;
  return h(
    "div",
    { key: "list", class: "stack" },
    !found && open.busy && h("p", { role: "status" }, _("Looking at the disk…")),
    found?.length === 0 && h("p", null, _("There is no complete backup on it.")),
    found &&
      found.length > 0 &&
      !disk.Device &&
      h("p", { class: "help" }, _("As last seen: the disk is not plugged in.")),
    found &&
      found.length > 0 &&
      h(
        "table",
        { class: "table", role: "table", "aria-labelledby": "dialog-title" },
        h(
          "thead",
          { role: "rowgroup" },
          h(
            "tr",
            { role: "row" },
            columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
            h(
              "th",
              { scope: "col", role: "columnheader" },
              h("span", { class: "unseen" }, _("What can be done")),
            ),
          ),
        ),
        h(
          "tbody",
          { role: "rowgroup" },
          found.map((one) => row(one, columns, open, disabled, actions)),
        ),
      ),
    h("div", { class: "buttons" }, button(_("Close"), actions.close, { look: "link" })),
  );
}

/**
 * @param {Snapshot} one
 * @param {string[]} columns
 * @param {Open} open
 * @param {boolean} disabled
 * @param {Actions} actions
 */
function row(one, columns, open, disabled, actions) {
  const cells = [
    [moment(one.StartedAt), one.Pinned && label("info", _("pinned"))],
    clean(one.Host, 80),
    one.Bytes ? size(one.Bytes) : "–",
    one.Files ? number(one.Files) : "–",
  ];
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
  return h(
    "tr",
    { role: "row", key: one.Snapshot, "data-snapshot": one.Snapshot },
    cells.map((cell, index) => h("td", { role: "cell", "data-label": columns[index] }, cell)),
    h(
      "td",
      { role: "cell", class: "action" },
      h(
        "div",
        { class: "buttons" },
        deed(one.Pinned ? _("Unpin") : _("Pin"), () => actions.pin(open.uuid, one)),
        deed(_("Verify"), () => actions.verify(open.uuid, one.Snapshot), !one.Manifest),
        deed(_("Restore…"), () => actions.chooseToRestore(one.Snapshot)),
      ),
    ),
  );
}

/**
 * @param {Open} open
 * @param {Actions} actions
 */
function form(open, actions) {
  return h(
    "form",
    {
      key: "form",
      onsubmit: (event) => {
        event.preventDefault();
        const data = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
        const paths = String(data.get("paths"))
          .split("\n")
          .filter((path) => path.trim());
        actions.restore(open.uuid, open.restoring, paths, String(data.get("destination")));
      },
    },
    h("label", { for: "restore-paths" }, _("What is restored")),
    h("textarea", {
      id: "restore-paths",
      name: "paths",
      rows: 4,
      spellcheck: "false",
      "aria-describedby": "restore-paths-help",
      created: (element) => element.focus(),
    }),
    h(
      "p",
      { id: "restore-paths-help", class: "help" },
      _("Paths as on the server, one a line, such as /home/anna/letter.odt; none = everything."),
    ),
    h("label", { for: "restore-destination" }, _("Into the folder")),
    h("input", {
      id: "restore-destination",
      name: "destination",
      type: "text",
      required: true,
      spellcheck: "false",
      autocomplete: "off",
      "aria-describedby": "restore-destination-help",
    }),
    h(
      "p",
      { id: "restore-destination-help", class: "help" },
      _("It is made if it is missing; nothing that is there already is replaced."),
    ),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: "button primary", disabled: open.busy }, _("Restore")),
      button(_("Back"), () => actions.chooseToRestore(""), { look: "link" }),
    ),
  );
}
