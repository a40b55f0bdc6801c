/** What asks before something is done. */

import { h } from "../dom.js";
import { called } from "../news.js";
import { _, fill } from "../text.js";
import { logDialog } from "./log.js";
import { alert, button } from "./parts.js";
import { prepareDialog } from "./prepare.js";
import { snapshotsDialog } from "./snapshots.js";

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 */
export function dialog(state, actions) {
  const open = state.dialog;
  if (!open) return null;
  if (open.kind === "log") return logDialog(open, actions);
  if (open.kind === "prepare") return prepareDialog(open, state, actions);
  const disk = Object.values(state.disks).find((one) => one.UUID === open.uuid);
  if (!disk) return null;
  switch (open.kind) {
    case "save":
    case "rename":
      return naming(open, disk, actions);
    case "forget":
      return forgetting(open, disk, actions);
    case "snapshots":
      return snapshotsDialog(open, disk, state.views[disk.UUID] ?? "", actions);
    case "unplug":
      return unplugging(disk, actions);
  }
}

/**
 * A window over the page, which keeps the focus until it is closed.
 *
 * @param {string} key
 * @param {string} title
 * @param {() => void} close
 * @param {Props} props
 * @param {...Child} children
 */
export const modal = (key, title, close, props, ...children) =>
  h(
    "dialog",
    {
      key,
      "aria-labelledby": "dialog-title",
      created: (element) => /** @type {HTMLDialogElement} */ (element).showModal(),
      removed: (element) => /** @type {HTMLDialogElement} */ (element).close(),
      oncancel: (event) => {
        event.preventDefault();
        close();
      },
      ...props,
    },
    h("h2", { id: "dialog-title" }, title),
    children,
  );

/**
 * @typedef {Exclude<Dialog, {kind: "log" | "snapshots" | "prepare"}>} DiskDialog
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * @param {DiskDialog} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
function naming(open, disk, actions) {
  const isNew = open.kind === "save";
  const name = called(disk);
  const title = isNew ? fill(_("Save {name}"), { name }) : fill(_("Rename {name}"), { name });
  return modal(
    `${open.kind} ${open.uuid}`,
    title,
    actions.close,
    {},
    h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const form = /** @type {HTMLFormElement} */ (event.currentTarget);
          actions.save(open.uuid, String(new FormData(form).get("name")));
        },
      },
      trouble(open),
      isNew &&
        h(
          "p",
          null,
          _(
            "It becomes a backup disk of this server: from now on plugging it in starts a backup. Nothing is started now, and nothing on it is deleted.",
          ),
        ),
      h("label", { for: "dialog-name" }, _("Name")),
      h("input", {
        id: "dialog-name",
        name: "name",
        type: "text",
        required: true,
        maxlength: 64,
        autocomplete: "off",
        autofocus: true,
        "aria-describedby": "dialog-help",
        value: isNew ? "" : disk.Name,
      }),
      h(
        "p",
        { id: "dialog-help", class: "help" },
        _("What people call it, such as the colour of its sticker; 1 to 64 characters."),
      ),
      h(
        "div",
        { class: "buttons" },
        h(
          "button",
          { type: "submit", class: "button primary", disabled: open.busy },
          isNew ? _("Save") : _("Rename"),
        ),
        button(_("Cancel"), actions.close, { look: "link" }),
      ),
    ),
  );
}

/**
 * @param {DiskDialog} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
function forgetting(open, disk, actions) {
  const title = fill(_("Forget {name}?"), { name: called(disk) });
  return modal(
    `forget ${open.uuid}`,
    title,
    actions.close,
    {},
    trouble(open),
    h(
      "p",
      null,
      _(
        "Plugging it in will not start a backup any more. The backups on it stay, and so does its history; it can be saved again later.",
      ),
    ),
    h(
      "div",
      { class: "buttons" },
      button(_("Forget"), () => actions.forget(open.uuid), { look: "danger", disabled: open.busy }),
      button(_("Cancel"), actions.close, { look: "link", autofocus: true }),
    ),
  );
}

/**
 * @param {Disk} disk
 * @param {Actions} actions
 */
function unplugging(disk, actions) {
  const title = fill(_("Unplug {name} during its backup?"), { name: called(disk) });
  return modal(
    `unplug ${disk.UUID}`,
    title,
    actions.close,
    {},
    h(
      "p",
      null,
      _("The backup is cancelled, and does not count. Older backups on the disk stay as they are."),
    ),
    h(
      "div",
      { class: "buttons" },
      button(
        _("Cancel the backup and unplug"),
        () => {
          actions.close();
          actions.unplug(disk);
        },
        { look: "danger" },
      ),
      button(_("Go on with the backup"), actions.close, { look: "link", autofocus: true }),
    ),
  );
}

/** @param {DiskDialog} open */
const trouble = (open) =>
  open.trouble && alert("error", open.trouble, { role: "alert", key: "trouble" });
