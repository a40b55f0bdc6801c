/** The small parts that Cockpit's pages are made of: buttons, labels, alerts, bars. */

import { h } from "../dom.js";
import { _, fill, sentence } from "../text.js";

/** Drawn on a grid of 16. @type {Record<string, string>} */
const ICONS = {
  error: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-1 3h2v5H7zm0 6h2v2H7z",
  warning: "M8 1 0 15h16zM7 6h2v5H7zm0 6h2v2H7z",
  info: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM7 4h2v2H7zm0 3h2v5H7z",
  good: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-1 10L3.6 7.6 5 6.2l2 2 4-4 1.4 1.4z",
  running:
    "M13 3v4H9l1.6-1.6A3.7 3.7 0 0 0 4.400 7H2.300A5.800 5.800 0 0 1 12 4zM3 13V9h4l-1.600 1.600A3.700 3.700 0 0 0 11.600 9h2.100A5.800 5.800 0 0 1 4 12z",
};
ICONS.safe = ICONS.good;

/** @param {string} name */
export const icon = (name) =>
  h(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    h("path", { d: ICONS[name] ?? ICONS.info, "fill-rule": "evenodd" }),
  );

/**
 * @param {string} text
 * @param {() => unknown} onclick
 * @param {Props & {look?: "primary" | "secondary" | "danger" | "link" | "plain"}} [props]
 */
export function button(text, onclick, props = {}) {
  const { look = "secondary", ...rest } = props;
  return h("button", { type: "button", class: `button ${look}`, onclick, ...rest }, text);
}

/**
 * @param {string} level
 * @param {string} text
 */
export const label = (level, text) =>
  h("span", { class: `label ${level}` }, icon(level), sentence(text));

/**
 * A message in the page.
 *
 * @param {string} level
 * @param {string} title
 * @param {Props} props
 * @param {...Child} children
 */
export const alert = (level, title, props, ...children) =>
  h(
    "div",
    { ...props, class: `alert ${level}` },
    h("span", { class: "alert-icon" }, icon(level)),
    h(
      "div",
      { class: "alert-body" },
      h(
        "p",
        { class: "alert-title" },
        h("span", { class: "unseen" }, word(level)),
        sentence(title),
      ),
      children,
    ),
  );

/** A paragraph of it. @param {string} text */
export const line = (text) => h("p", { class: "alert-text" }, sentence(text));

/** How bad it is, for who does not see the colour. @param {string} level */
function word(level) {
  if (level !== "error" && level !== "warning") return "";
  const subject = level === "error" ? _("Danger") : _("Warning");
  return fill(_("{subject}: {text}"), { subject, text: "" });
}

/**
 * How much is done; FRACTION below 0 = unknown.
 *
 * @param {number} fraction
 * @param {string} name
 */
export function progress(fraction, name) {
  const known = fraction >= 0;
  const value = known ? Math.floor(fraction * 100) : undefined;
  return h(
    "div",
    {
      class: known ? "bar" : "bar unknown",
      role: "progressbar",
      "aria-label": name,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": value,
    },
    h("div", { class: "bar-done", style: { width: `${value ?? 30}%` } }),
  );
}

/**
 * A card with a heading, as all of Cockpit's pages have them.
 *
 * @param {string} id
 * @param {string} title
 * @param {Child} aside
 * @param {...Child} children
 */
export const card = (id, title, aside, ...children) =>
  h(
    "section",
    { class: "card", id, key: id, "aria-labelledby": `${id}-title` },
    h("div", { class: "card-head" }, h("h2", { id: `${id}-title` }, title), aside),
    children,
  );

/**
 * A table; where it is too narrow for one, style makes it a list, and must not take its roles away.
 *
 * @param {string} title the id of what names it
 * @param {string[]} columns
 * @param {string} last what the last column is, whose name is only heard
 * @param {{props: Props, cells: Child[], deeds: Child}[]} rows
 */
export const table = (title, columns, last, rows) =>
  h(
    "table",
    { class: "table", role: "table", "aria-labelledby": title },
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((name) => h("th", { scope: "col", role: "columnheader" }, name)),
        h("th", { scope: "col", role: "columnheader" }, h("span", { class: "unseen" }, last)),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map(({ props, cells, deeds }) =>
        h(
          "tr",
          { ...props, role: "row" },
          cells.map((cell, index) => h("td", { role: "cell", "data-label": columns[index] }, cell)),
          h("td", { role: "cell", class: "action" }, deeds),
        ),
      ),
    ),
  );
