/** The page as a whole. */

import { h } from "../dom.js";
import { _ } from "../text.js";
import { announcement, banner } from "./banner.js";
import { dialog } from "./dialog.js";
import { disks } from "./disks.js";
import { history } from "./history.js";
import { alert, button, icon, line } from "./parts.js";
import { scripts } from "./scripts.js";

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 * @param {import("../pages.js").Pages} pages
 * @returns {Child[]}
 */
export function page(state, actions, pages) {
  const title = h("h1", { class: "title", key: "title" }, _("Backups"));
  if (state.link !== "up" || !state.manager) return [title, absence(state.link, actions)];
  return [
    title,
    state.trouble &&
      h(
        "div",
        { key: "trouble", id: "trouble", role: "alert" },
        alert(
          "error",
          state.trouble,
          {},
          button(_("Close"), actions.dismissTrouble, { look: "link" }),
        ),
      ),
    access(state.access),
    announcement(state),
    banner(state, actions),
    disks(state, actions),
    history(state, actions, pages),
    scripts(state, actions),
    dialog(state, actions),
  ];
}

/** @param {Access} access */
function access(access) {
  if (access === "none") {
    return alert(
      "info",
      _("Limited access: you can see everything, and change nothing"),
      { key: "access", id: "access" },
      line(
        _(
          "To change something, turn on administrative access: the button for it is at the top of the window.",
        ),
      ),
    );
  }
  if (access === "operator") {
    return alert(
      "info",
      _("Limited access: you can run backups and take disks away"),
      { key: "access", id: "access" },
      line(
        _(
          "For all else, turn on administrative access: the button for it is at the top of the window.",
        ),
      ),
    );
  }
  return null;
}

/**
 * Instead of everything else where the daemon cannot be asked.
 *
 * @param {Link} link
 * @param {import("../actions.js").Actions} actions
 */
function absence(link, actions) {
  if (link === "up" || link === "connecting") {
    return h(
      "div",
      { class: "empty", key: "empty", id: "absence", "data-link": link, role: "status" },
      h("p", null, _("Looking for the backup service…")),
    );
  }
  const { title, text } = told(link);
  return h(
    "div",
    { class: "empty", key: "empty", id: "absence", "data-link": link, role: "status" },
    icon(link === "missing" ? "info" : "error"),
    h("h2", null, title),
    h("p", null, text),
    h("p", { class: "help" }, _("This page comes back by itself.")),
    button(_("Try again"), actions.retry, { look: "primary" }),
  );
}

/** @param {Exclude<Link, "up" | "connecting">} link */
function told(link) {
  switch (link) {
    case "missing":
      return {
        title: _("Tetras-back is not installed on this server"),
        text: _("Install the package tetras-back, or start its service."),
      };
    case "stopped":
      return {
        title: _("The backup service is not running"),
        text: _(
          "No backup is made until it runs again. An administrator starts it with: systemctl start tetras-back",
        ),
      };
    case "refused":
      return {
        title: _("The system bus refuses to pass on what is asked of the backup service"),
        text: _("Its bus policy is missing; is the package tetras-back installed completely?"),
      };
    case "lost":
      return {
        title: _("The system bus cannot be reached"),
        text: _("Backups may go on, but nothing can be seen of them here."),
      };
  }
}
