/** How long the backups took and how much they saved, as bars; the table says the same in numbers. */

import { h, remembering } from "../dom.js";
import { _, fill, say } from "../text.js";
import { day, duration, moment, size } from "../units.js";
import { VERDICT_WORDS } from "../words.js";
import { level } from "./disks.js";

const HEIGHT = 100;
/** Width of a bar and the gap beside it, in the picture's own measure. */
const STEP = 10;

/** @param {Entry} entry */
const seconds = (entry) => (entry.FinishedAt - entry.StartedAt) / 1e6;

const drawing = remembering((/** @type {Entry[]} */ recent) => {
  const ended = recent.filter((entry) => entry.FinishedAt && entry.StartedAt).reverse();
  if (ended.length < 2) return null;
  return h(
    "div",
    { class: "charts" },
    strip(_("Duration"), ended, seconds, duration),
    strip(_("Size"), ended, (entry) => entry.Bytes, size),
  );
});

/** @param {Entry[]} recent newest first */
export const chart = (recent) => drawing("chart", recent);

/**
 * @param {string} title
 * @param {Entry[]} entries oldest first
 * @param {(entry: Entry) => number} value
 * @param {(value: number) => string} written
 */
function strip(title, entries, value, written) {
  const most = Math.max(...entries.map(value), 1);
  const first = entries[0];
  const last = entries[entries.length - 1];
  const summary = fill(
    _("{title} of the last {count} backups: at most {most}, in the newest {last}"),
    {
      title,
      count: entries.length,
      most: written(most),
      last: written(value(last)),
    },
  );
  return h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      null,
      title,
      h("span", { class: "aside" }, fill(_("at most {most}"), { most: written(most) })),
    ),
    h(
      "svg",
      {
        role: "img",
        "aria-label": summary,
        preserveAspectRatio: "none",
        viewBox: `0 0 ${entries.length * STEP} ${HEIGHT}`,
      },
      entries.map((entry, index) => {
        // What took no time, or saved nothing, is still there to be seen.
        const height = Math.max(2, (value(entry) / most) * HEIGHT);
        const words = [
          moment(entry.StartedAt),
          written(value(entry)),
          say(VERDICT_WORDS, entry.Verdict, "verdict"),
        ];
        return h(
          "rect",
          {
            key: entry.Id,
            class: level(entry.Verdict),
            x: index * STEP + 1,
            y: HEIGHT - height,
            width: STEP - 2,
            height,
          },
          h("title", null, words.join(" · ")),
        );
      }),
    ),
    h(
      "div",
      { class: "axis", "aria-hidden": "true" },
      h("span", null, day(first.StartedAt)),
      h("span", null, day(last.StartedAt)),
    ),
  );
}
