/** The log of a backup: newest line first, to be searched, to be taken along. */

import { h, remembering } from "../dom.js";
import { _, clean, fill, ngettext, number } from "../text.js";
import { moment } from "../units.js";
import { modal } from "./dialog.js";
import { alert, button } from "./parts.js";

const MORE = 2000;

/** Its lines, newest first. */
const linesOf = remembering((/** @type {string} */ text) =>
  text.replace(/\n$/, "").split("\n").reverse(),
);

const matching = remembering((/** @type {string[]} */ lines, /** @type {string} */ search) => {
  const wanted = search.toLocaleLowerCase();
  return wanted ? lines.filter((line) => line.toLocaleLowerCase().includes(wanted)) : lines;
});

/**
 * @param {Extract<Dialog, {kind: "log"}>} open
 * @param {import("../actions.js").Actions} actions
 */
export function logDialog(open, actions) {
  const { entry, text } = open;
  const title = fill(_("Log of {name}, {date}"), {
    name: clean(entry.Name, 80) || entry.UUID,
    date: moment(entry.StartedAt),
  });
  return modal(
    `log ${"Kind" in entry ? "job " : ""}${entry.Id}`,
    title,
    actions.close,
    { class: "wide" },
    open.trouble && alert("error", open.trouble, { role: "alert", key: "trouble" }),
    text === null && !open.trouble && h("p", { role: "status" }, _("Reading the log…")),
    text === "" && h("p", null, _("The log is empty.")),
    text && content(open, text, actions),
    h(
      "div",
      { class: "buttons" },
      text && button(_("Download"), () => download(entry, text)),
      button(_("Close"), actions.close, { look: "link" }),
    ),
  );
}

/**
 * @param {Extract<Dialog, {kind: "log"}>} open
 * @param {string} text
 * @param {import("../actions.js").Actions} actions
 */
function content(open, text, actions) {
  const lines = linesOf("log", text);
  const found = matching("log", lines, open.search);
  const shown = found.slice(0, open.most);
  const count = open.search
    ? fill(_("{found} of {total} lines"), {
        found: number(found.length),
        total: number(lines.length),
      })
    : ngettext("{n} line, newest first", "{n} lines, newest first", lines.length);
  return h(
    "div",
    { key: "content", class: "log" },
    h(
      "div",
      { class: "log-search" },
      h("input", {
        type: "search",
        "aria-label": _("Search the log"),
        placeholder: _("Search the log"),
        created: (element) => element.focus(),
        value: open.search,
        oninput: (event) => actions.searchLog(/** @type {HTMLInputElement} */ (event.target).value),
      }),
      h("span", { class: "aside", role: "status" }, count),
    ),
    // Can be scrolled, so a keyboard must get there.
    h(
      "ol",
      { class: "log-lines", tabindex: "0", "aria-label": _("Lines of the log") },
      shown.map((line) => h("li", null, line)),
    ),
    found.length > shown.length &&
      button(_("Show more lines"), () => actions.showLines(open.most + MORE), { look: "link" }),
  );
}

/**
 * @param {Entry | JobEntry} entry
 * @param {string} text
 */
function download(entry, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = `tetras-back-${entry.Id}.log`;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun by the time anything else runs.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
