/** At the top: what a person should know, worst first; and "you may unplug", at the right moment. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { news } from "../news.js";
import { measure } from "../pace.js";
import { _, fill, ngettext, say } from "../text.js";
import { duration, percent, size, speed } from "../units.js";
import { LABELS, PHASES, STEPS } from "../words.js";
import { alert, button, line, progress } from "./parts.js";

/** How many are shown at once; the daemon tells up to 100. */
const FEW = 4;

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 */
export function banner(state, actions) {
  const items = news(state);
  const urgent = items.filter((item) => item.level === "running" || item.level === "safe");
  const others = items.filter((item) => !urgent.includes(item));
  const shown = state.allNews ? others : others.slice(0, FEW);
  const hidden = others.length - shown.length;
  // What is happening now is never hidden, but worse news come first.
  const list = items.filter((item) => urgent.includes(item) || shown.includes(item));
  return h(
    "section",
    { class: "banner", id: "banner", key: "banner", "aria-label": _("State of the backups") },
    list.map((item) =>
      alert(
        item.level,
        item.title,
        { key: item.key, "data-level": item.level },
        item.text && line(item.text),
        item.running && underway(state.paces[item.running.path], item.running.backup, item.title),
        deed(item, state.access, actions),
      ),
    ),
    hidden > 0 &&
      button(
        ngettext("Show {n} more message", "Show {n} more messages", hidden),
        () => actions.showAllNews(true),
        { look: "link", key: "more" },
      ),
    state.allNews &&
      others.length > FEW &&
      button(_("Show fewer messages"), () => actions.showAllNews(false), {
        look: "link",
        key: "less",
      }),
  );
}

/**
 * What can be done about it.
 *
 * @param {import("../news.js").Item} item
 * @param {Access} access
 * @param {import("../actions.js").Actions} actions
 */
function deed({ hold, job, view }, access, actions) {
  if (view) {
    const disabled = !may(access, "EndBrowse");
    return button(_("Show it no longer"), () => actions.endBrowse(view), { disabled });
  }
  if (job) {
    const disabled = !may(access, "CancelJob");
    return button(_("Cancel"), () => actions.cancelJob(job.Id), { disabled });
  }
  if (hold !== undefined) {
    const disabled = !may(access, "Release");
    return button(_("Start backups again"), () => actions.release(hold), { disabled });
  }
  return null;
}

/**
 * The worst news, and what happens now, for who hears the page: progress would be too much.
 *
 * @param {State} state
 */
export function announcement(state) {
  const items = news(state);
  const now = items.find((item) => item.level === "running" || item.level === "safe");
  const titles = new Set([items[0], now].map((item) => item?.title ?? ""));
  return h("div", { key: "told", class: "unseen", role: "status" }, [...titles].join(". "));
}

/**
 * Step, percentage, speed and remaining time of a backup that runs.
 *
 * @param {Pace | undefined} pace
 * @param {Backup | Job} backup
 * @param {string} name
 */
export function underway(pace, backup, name) {
  const { speed: bytes, left } = measure(pace, backup);
  const done = backup.BytesTotal
    ? fill(_("{done} of {total}"), { done: size(backup.BytesDone), total: size(backup.BytesTotal) })
    : backup.BytesDone > 0 && size(backup.BytesDone);
  const facts = [
    step(backup),
    backup.Fraction >= 0 && percent(backup.Fraction),
    done,
    backup.FilesDone > 0 && ngettext("{n} file", "{n} files", backup.FilesDone),
    bytes > 0 && speed(bytes),
    left >= 1 && fill(_("about {time} left"), { time: duration(left) }),
    backup.Warnings > 0 && ngettext("{n} warning", "{n} warnings", backup.Warnings),
  ];
  return h(
    "div",
    { class: "underway" },
    progress(backup.Fraction, name),
    h(
      "p",
      { class: "facts" },
      facts.filter(Boolean).map((fact) => h("span", null, fact)),
    ),
  );
}

/** @param {Backup | Job} backup */
function step(backup) {
  if (Object.hasOwn(STEPS, backup.Step)) return say(STEPS, backup.Step);
  return backup.Step ? say(LABELS, backup.Step) : say(PHASES, backup.State);
}
