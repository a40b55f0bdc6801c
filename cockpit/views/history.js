/** What has been: a table by pages, and a chart. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { called } from "../news.js";
import { _, clean, fill, number, say, sentence } from "../text.js";
import { told } from "../told.js";
import { duration, moment, size } from "../units.js";
import { CODES, VERDICT_WORDS } from "../words.js";
import { chart } from "./chart.js";
import { level } from "./disks.js";
import { alert, button, card, label } from "./parts.js";

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 * @param {import("../pages.js").Pages} pages
 */
export function history(state, actions, pages) {
  const { history: shown } = state;
  const saved = Object.values(state.disks).filter((disk) => disk.Saved || disk.UUID === shown.uuid);
  return card(
    "history",
    _("History"),
    saved.length > 0 &&
      h(
        "select",
        {
          "aria-label": _("Whose history is shown"),
          value: shown.uuid,
          onchange: (event) => pages.choose(/** @type {HTMLSelectElement} */ (event.target).value),
        },
        h("option", { value: "" }, _("All disks")),
        saved.map((disk) => h("option", { value: disk.UUID, key: disk.UUID }, called(disk))),
      ),
    shown.trouble && alert("error", shown.trouble, { role: "alert", key: "trouble" }),
    shown.entries.length === 0 &&
      h(
        "p",
        { class: "nothing" },
        shown.loading ? _("Reading the history…") : _("No backup has been made yet."),
      ),
    chart(shown.recent),
    shown.entries.length > 0 && table(state, actions),
    (shown.before.length > 1 || shown.more) &&
      h(
        "nav",
        { class: "pager", "aria-label": _("Pages of the history") },
        button(_("Newer"), pages.newer, { disabled: shown.before.length < 2 }),
        h("span", { role: "status" }, fill(_("Page {number}"), { number: shown.before.length })),
        button(_("Older"), pages.older, { disabled: !shown.more }),
      ),
  );
}

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 */
function table(state, actions) {
  const columns = [
    _("Started"),
    _("Disk"),
    _("Verdict"),
    _("Duration"),
    _("Size"),
    _("Files"),
    _("Warnings"),
  ];
  // Where it is too narrow for a table, style makes it a list, and must not take its roles away.
  return h(
    "table",
    { class: "table", role: "table", "aria-labelledby": "history-title" },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
        h("th", { scope: "col", role: "columnheader" }, h("span", { class: "unseen" }, _("Log"))),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      state.history.entries.map((entry) => {
        const cells = [
          moment(entry.StartedAt),
          clean(entry.Name, 80) || clean(entry.UUID, 80),
          verdict(entry),
          entry.FinishedAt && entry.StartedAt
            ? duration((entry.FinishedAt - entry.StartedAt) / 1e6)
            : "–",
          entry.Verdict ? size(entry.Bytes) : "–",
          entry.Verdict ? number(entry.Files) : "–",
          number(entry.Warnings),
        ];
        return h(
          "tr",
          { key: entry.Id, role: "row", "data-id": entry.Id, "data-verdict": entry.Verdict },
          cells.map((cell, index) => h("td", { role: "cell", "data-label": columns[index] }, cell)),
          h(
            "td",
            { role: "cell", class: "action" },
            button(_("Log"), () => actions.openLog(entry), {
              look: "link",
              "aria-label": fill(_("Log of the backup of {date}"), {
                date: moment(entry.StartedAt),
              }),
              disabled: !may(state.access, "GetLog"),
            }),
          ),
        );
      }),
    ),
  );
}

/** @param {Entry} entry */
function verdict(entry) {
  const message =
    entry.Verdict && entry.Verdict !== "success" && told(entry.Message, say(CODES, entry.Code));
  return [
    label(level(entry.Verdict), say(VERDICT_WORDS, entry.Verdict, "verdict")),
    message && h("p", { class: "help" }, sentence(message)),
  ];
}
