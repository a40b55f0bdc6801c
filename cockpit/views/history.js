/** What has been: the backups by pages, with a chart; and what was restored and verified. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { called } from "../news.js";
import { _, clean, fill, number, say, sentence } from "../text.js";
import { told } from "../told.js";
import { duration, moment, size } from "../units.js";
import { JOB_KINDS, VERDICT_WORDS, WHY } from "../words.js";
import { chart } from "./chart.js";
import { level } from "./disks.js";
import { alert, button, card, label, table } from "./parts.js";

/**
 * @typedef {import("../actions.js").Actions} Actions
 * @typedef {import("../pages.js").Pager} Pager
 */

/**
 * @param {State} state
 * @param {Actions} actions
 * @param {import("../pages.js").Pages} pages
 */
export function history(state, actions, pages) {
  const { history: shown, past } = state;
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
    trouble(shown),
    shown.entries.length === 0 &&
      h(
        "p",
        { class: "nothing" },
        shown.loading ? _("Reading the history…") : _("No backup has been made yet."),
      ),
    chart(shown.recent),
    shown.entries.length > 0 && backups(state, actions),
    pager(shown, pages.history, _("Pages of the history")),
    (past.entries.length > 0 || past.trouble) && [
      h("h3", { key: "jobs-title", id: "jobs-title" }, _("Restores and verifications")),
      h(
        "div",
        { key: "jobs", id: "jobs", class: "stack" },
        trouble(past),
        jobs(state, actions),
        pager(past, pages.past, _("Pages of restores and verifications")),
      ),
    ],
  );
}

/** @param {Paged<unknown>} shown */
const trouble = (shown) =>
  shown.trouble && alert("error", shown.trouble, { role: "alert", key: "trouble" });

/**
 * @param {Paged<unknown>} shown
 * @param {Pager} pages
 * @param {string} name
 */
const pager = (shown, pages, name) =>
  (shown.before.length > 1 || shown.more) &&
  h(
    "nav",
    { class: "pager", "aria-label": name },
    button(_("Newer"), pages.newer, { disabled: shown.before.length < 2 }),
    h("span", { role: "status" }, fill(_("Page {number}"), { number: shown.before.length })),
    button(_("Older"), pages.older, { disabled: !shown.more }),
  );

/**
 * @param {State} state
 * @param {Actions} actions
 */
function backups(state, actions) {
  const columns = [
    _("Started"),
    _("Disk"),
    _("Verdict"),
    _("Duration"),
    _("Size"),
    _("Files"),
    _("Warnings"),
  ];
  const rows = state.history.entries.map((entry) => ({
    props: row(entry),
    cells: [
      moment(entry.StartedAt),
      disk(entry),
      verdict(entry),
      ...figures(entry),
      number(entry.Warnings),
    ],
    deeds: log(
      entry,
      fill(_("Log of the backup of {date}"), { date: moment(entry.StartedAt) }),
      state.access,
      actions,
    ),
  }));
  return table("history-title", columns, _("Log"), rows);
}

/**
 * @param {State} state
 * @param {Actions} actions
 */
function jobs(state, actions) {
  const columns = [
    _("Started"),
    _("Job"),
    _("Disk"),
    _("Backup"),
    _("Verdict"),
    _("Duration"),
    _("Size"),
    _("Files"),
  ];
  const rows = state.past.entries.map((entry) => {
    const kind = say(JOB_KINDS, entry.Kind, "job");
    const facts = { kind, date: moment(entry.StartedAt) };
    return {
      props: row(entry),
      cells: [
        moment(entry.StartedAt),
        sentence(kind),
        disk(entry),
        clean(entry.Snapshot, 120) || "–",
        verdict(entry),
        ...figures(entry),
      ],
      deeds: log(entry, fill(_("Log of {kind}, {date}"), facts), state.access, actions),
    };
  });
  return table("jobs-title", columns, _("Log"), rows);
}

/** @param {Entry | JobEntry} entry @returns {Props} */
const row = (entry) => ({ key: entry.Id, "data-id": entry.Id, "data-verdict": entry.Verdict });

/** @param {Entry | JobEntry} entry */
const disk = (entry) => clean(entry.Name, 80) || clean(entry.UUID, 80);

/** How long it took, how much it was. @param {Entry | JobEntry} entry */
const figures = (entry) => [
  entry.FinishedAt && entry.StartedAt ? duration((entry.FinishedAt - entry.StartedAt) / 1e6) : "–",
  entry.Verdict ? size(entry.Bytes) : "–",
  entry.Verdict ? number(entry.Files) : "–",
];

/**
 * @param {Entry | JobEntry} entry
 * @param {string} name
 * @param {Access} access
 * @param {Actions} actions
 */
const log = (entry, name, access, actions) =>
  button(_("Log"), () => actions.openLog(entry), {
    look: "link",
    "aria-label": name,
    disabled: !may(access, "GetLog"),
  });

/** @param {Entry | JobEntry} entry */
function verdict(entry) {
  const message =
    entry.Verdict && entry.Verdict !== "success" && told(entry.Message, say(WHY, entry.Code));
  return [
    label(level(entry.Verdict), say(VERDICT_WORDS, entry.Verdict, "verdict")),
    message && h("p", { class: "help" }, sentence(message)),
  ];
}
