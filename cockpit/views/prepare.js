/** Whole disks that could be made backup disks: what is on them, and how they are erased. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { _, clean, fill, say, sentence } from "../text.js";
import { quoted, size } from "../units.js";
import { PREPARING } from "../words.js";
import { modal } from "./dialog.js";
import { alert, button, label } from "./parts.js";

/**
 * @typedef {import("../actions.js").Actions} Actions
 * @typedef {Extract<Dialog, {kind: "prepare"}>} Open
 */

const FILESYSTEMS = ["ext4", "btrfs", "xfs"];
/** How much is told of what is on a disk. */
const FEW = 20;

/** Whether nothing is known to be on it. @param {Whole} whole */
const isEmpty = (whole) => whole.Contents.length === 0 && !whole.PartitionTable;

/** @param {Whole} whole */
const nameOf = (whole) => clean(whole.Model, 80) || clean(whole.Device, 80);

/**
 * Those that need it, since nothing on them can take backups.
 *
 * @param {State} state
 */
export const wholes = (state) =>
  (state.manager?.Preparable ?? []).filter((whole) => !whole.Usable || whole.Step);

/**
 * @param {Whole} whole
 * @param {Access} access
 * @param {Actions} actions
 */
export function wholeDisk(whole, access, actions) {
  const id = `whole-${whole.DiskSequence || whole.Device}`;
  const state = whole.Step ? say(PREPARING, whole.Step) : isEmpty(whole) ? _("blank") : "";
  const name = nameOf(whole);
  /** @type {[string, string][]} */
  const facts = [
    [_("Device"), clean(whole.Device, 80)],
    [_("Serial number"), clean(whole.Serial, 80)],
    [_("Size"), whole.Size ? size(whole.Size) : ""],
    ...contents(whole).map((text) => /** @type {[string, string]} */ ([_("On it"), text])),
  ];
  return h(
    "li",
    { key: id, class: "disk", id, "data-state": "preparable", "aria-labelledby": `${id}-name` },
    h(
      "div",
      { class: "disk-head" },
      h("h3", { id: `${id}-name` }, fill(_("Whole disk {name}"), { name })),
      state && label(whole.Step ? "running" : "info", state),
    ),
    h(
      "dl",
      { class: "facts-list" },
      facts
        .filter(([, value]) => value)
        .map(([title, value], index) =>
          h("div", { key: index }, h("dt", null, title), h("dd", null, value)),
        ),
    ),
    !whole.Step &&
      h(
        "div",
        { class: "buttons" },
        button(_("Prepare…"), () => actions.openPreparing(whole), {
          "aria-label": fill(_("{subject}: {text}"), { subject: name, text: _("Prepare…") }),
          disabled: !may(access, "PrepareDisk"),
        }),
      ),
  );
}

/** What is on it, a line for each. @param {Whole} whole */
function contents(whole) {
  if (!whole.Contents.length) {
    return whole.PartitionTable ? [_("a partition table without partitions")] : [];
  }
  const lines = whole.Contents.slice(0, FEW).map((item) =>
    [
      clean(item.Device, 100),
      clean(item.FilesystemType, 20) || _("no file system"),
      item.Label && quoted(clean(item.Label, 100)),
      size(item.Size),
      ...item.MountPoints.map((at) => fill(_("mounted at {where}"), { where: clean(at, 200) })),
      ...item.UsedBy.map((user) => fill(_("in use ({user})"), { user: clean(user, 100) })),
    ]
      .filter(Boolean)
      .join(" · "),
  );
  return whole.Contents.length > FEW ? [...lines, "…"] : lines;
}

/** @param {string} text */
const plain = (text) => text.toLowerCase().replaceAll(/\s/g, "");

/**
 * What stands for the disk, to be typed before it is erased, the clearest first.
 *
 * @param {Whole} whole
 */
const wanted = (whole) => [clean(whole.Model, 100), size(whole.Size)].filter((text) => text.trim());

/**
 * @param {Open} open
 * @param {State} state
 * @param {Actions} actions
 */
export function prepareDialog(open, state, actions) {
  const whole = (state.manager?.Preparable ?? []).find((one) => one.Device === open.device);
  // It has gone, or is a backup disk by now; or another one has taken its place.
  if (!whole || whole.DiskSequence !== open.sequence) return null;
  const erase = !isEmpty(whole);
  return modal(
    `prepare ${open.device}`,
    fill(_("Make {name} a backup disk"), { name: nameOf(whole) }),
    actions.close,
    {},
    h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const data = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
          const [name, filesystem] = [String(data.get("name")), String(data.get("filesystem"))];
          actions.prepare(open, { name, filesystem, erase });
        },
      },
      open.trouble && alert("error", open.trouble, { role: "alert", key: "trouble" }),
      whole.Step && h("p", { role: "status", key: "step" }, sentence(say(PREPARING, whole.Step))),
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
      }),
      h(
        "p",
        { id: "dialog-help", class: "help" },
        _("What people call it, such as the colour of its sticker; 1 to 64 characters."),
      ),
      h("label", { for: "dialog-filesystem" }, _("File system")),
      h(
        "select",
        { id: "dialog-filesystem", name: "filesystem" },
        FILESYSTEMS.map((type) => h("option", { value: type }, type)),
      ),
      erase && loss(whole),
      h(
        "div",
        { class: "buttons" },
        h(
          "button",
          {
            type: "submit",
            class: erase ? "button danger" : "button primary",
            disabled: open.busy,
          },
          erase ? _("Erase and prepare") : _("Prepare"),
        ),
        button(_("Cancel"), actions.close, { look: "link" }),
      ),
    ),
  );
}

/** @param {Whole} whole @returns {Child} */
function loss(whole) {
  const known = wanted(whole);
  const text = fill(_("To erase the disk, type its model or size ({wanted}): "), {
    wanted: known.join(" / "),
  }).trim();
  return [
    alert(
      "error",
      _("All of this will be lost."),
      { key: "loss" },
      h(
        "ul",
        { class: "named" },
        contents(whole).map((line) => h("li", null, line)),
      ),
    ),
    h("label", { for: "dialog-erase", key: "label" }, text),
    h("input", {
      key: "erase",
      id: "dialog-erase",
      name: "erase",
      type: "text",
      required: true,
      autocomplete: "off",
      spellcheck: "false",
      oninput: (event) => {
        const field = /** @type {HTMLInputElement} */ (event.target);
        const isSame = known.some((name) => plain(name) === plain(field.value));
        field.setCustomValidity(isSame ? "" : text);
      },
    }),
  ];
}
