/** What is to be restored, where to; and a last question before anything is replaced. */

import { h } from "../dom.js";
import { nameOf } from "../news.js";
import { _, clean, fill } from "../text.js";
import { alert, button } from "./parts.js";

/** How many paths are told; there may be a thousand. */
const FEW = 12;

/**
 * @typedef {Extract<Dialog, {kind: "snapshots"}>} Open
 * @typedef {import("../actions.js").Actions} Actions
 */

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
export const restoring = (open, disk, actions) =>
  open.asking ? question(open, disk, actions) : form(open, actions);

/** @returns {[Goal, string][]} */
const goals = () => [
  ["folder", _("Into a folder, beside what is there now")],
  ["place", _("Where it was, in place of what is there now")],
  ["mysql", _("Databases, into MariaDB or MySQL")],
  ["postgresql", _("Databases, into PostgreSQL")],
];

/** What the form says. @param {EventTarget | null} place @returns {Wish} */
function read(place) {
  const data = new FormData(/** @type {HTMLFormElement} */ (place));
  return {
    goal: /** @type {Goal} */ (String(data.get("goal"))),
    what: String(data.get("what"))
      .split("\n")
      .map((line) => line.replace(/\r$/, ""))
      .filter((line) => line.trim()),
    folder: String(data.get("folder") ?? ""),
  };
}

/**
 * @param {Open} open
 * @param {Actions} actions
 */
function form(open, actions) {
  const { wish } = open;
  const isDatabase = wish.goal === "mysql" || wish.goal === "postgresql";
  return h(
    "form",
    {
      key: "form",
      onsubmit: (event) => {
        event.preventDefault();
        const wanted = read(event.currentTarget);
        if (wanted.goal === "folder") {
          actions.wish(wanted);
          actions.restore(open.uuid, open.restoring, wanted);
        } else {
          actions.wish(wanted, true);
        }
      },
    },
    h(
      "fieldset",
      {
        onchange: (event) =>
          actions.wish(read(/** @type {HTMLInputElement} */ (event.target).form)),
      },
      h("legend", null, _("Where to")),
      goals().map(([goal, text]) =>
        h(
          "label",
          { class: "choice", key: goal },
          h("input", { type: "radio", name: "goal", value: goal, checked: goal === wish.goal }),
          h("span", null, text),
        ),
      ),
    ),
    h("label", { for: "restore-what" }, _("What is restored")),
    h("textarea", {
      id: "restore-what",
      name: "what",
      rows: 4,
      spellcheck: "false",
      "aria-describedby": "restore-what-help",
      value: wish.what.join("\n"),
      created: (element) => element.focus(),
    }),
    h(
      "p",
      { id: "restore-what-help", class: "help" },
      isDatabase
        ? _("Names of databases, one a line; none = everything.")
        : _(
            "Paths as on the server, one a line, such as /home/anna/letter.odt; none = everything.",
          ),
    ),
    wish.goal === "folder" && folder(wish),
    wish.goal === "place" &&
      h(
        "p",
        { key: "place" },
        _(
          "Everything is /home and the configuration of the server, /etc too: name paths to restore less.",
        ),
      ),
    h(
      "div",
      { class: "buttons" },
      h(
        "button",
        { type: "submit", class: "button primary", disabled: open.busy },
        wish.goal === "folder" ? _("Restore") : _("Restore…"),
      ),
      button(_("Back"), () => actions.chooseToRestore(""), { look: "link" }),
    ),
  );
}

/** @param {Wish} wish @returns {Child} */
const folder = (wish) => [
  h("label", { for: "restore-folder", key: "label" }, _("Into the folder")),
  h("input", {
    key: "folder",
    id: "restore-folder",
    name: "folder",
    type: "text",
    required: true,
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": "restore-folder-help",
    value: wish.folder,
  }),
  h(
    "p",
    { id: "restore-folder-help", class: "help", key: "help" },
    _("It is made if it is missing; nothing that is there already is replaced."),
  ),
];

/**
 * @param {Open} open
 * @param {Disk} disk
 * @param {Actions} actions
 */
function question(open, disk, actions) {
  const { goal, what } = open.wish;
  const facts = { snapshot: clean(open.restoring, 120), disk: clean(nameOf(disk), 64) };
  const server = goal === "mysql" ? "MariaDB/MySQL" : "PostgreSQL";
  const text =
    goal === "place"
      ? fill(_("What is here now will be replaced by what is in {snapshot} on {disk}:"), facts)
      : fill(_("The databases of {server} will be replaced by those of {snapshot} on {disk}:"), {
          server,
          ...facts,
        });
  const all = goal === "place" ? _("everything, /etc too") : _("everything");
  const named = what.length ? what.slice(0, FEW) : [all];
  return h(
    "div",
    { key: "question", class: "stack" },
    alert(
      "warning",
      text,
      { key: "what" },
      h(
        "ul",
        { class: "named" },
        named.map((one) => h("li", null, clean(one, 300))),
        what.length > FEW && h("li", null, "…"),
      ),
    ),
    h(
      "p",
      null,
      goal === "place"
        ? _(
            "File by file, what the backup has takes the place of what is there; what was changed since then is lost. What has come since then stays.",
          )
        : _("What was written to these databases since then is lost."),
    ),
    h(
      "div",
      { class: "buttons" },
      button(_("Replace it"), () => actions.restore(open.uuid, open.restoring, open.wish), {
        look: "danger",
        disabled: open.busy,
      }),
      button(_("Back"), () => actions.wish(open.wish), {
        look: "link",
        created: (element) => element.focus(),
      }),
    ),
  );
}
