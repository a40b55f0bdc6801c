/** Puts the page together: the only module that knows all others. */

import { watchAccess } from "./access.js";
import { makeActions } from "./actions.js";
import { connect } from "./bus.js";
import { render } from "./dom.js";
import { makePages } from "./pages.js";
import { makeStore, START } from "./store.js";
import { followTheme } from "./theme.js";
import { page } from "./views/page.js";

/** ms between two looks at the clock: what is told in minutes need not be more exact. */
const TICK = 20_000;
/** Signals after which the history is another, and those after which what was restored is. */
const BACKUPS = new Set(["BackupStarted", "BackupFinished"]);
const JOBS = new Set(["JobStarted", "JobFinished"]);

followTheme();
document.documentElement.lang = cockpit.language || "en";

const store = makeStore({ ...START, now: Date.now() });
const bus = connect(store.send, (signal) => {
  if (BACKUPS.has(signal)) pages.history.refresh();
  if (JOBS.has(signal)) pages.past.refresh();
});
const pages = makePages(bus, store);
const actions = makeActions(bus, store);
const place = /** @type {HTMLElement} */ (document.getElementById("page"));

let waiting = false;
function show() {
  waiting = false;
  place.setAttribute("aria-busy", String(store.state.link === "connecting"));
  render(place, page(store.state, actions, pages));
}
store.watch((state, before) => {
  if (state.link === "up" && before.link !== "up") pages.refresh();
  // However many happenings there are, the page is shown once before the screen is drawn.
  if (!waiting) requestAnimationFrame(show);
  waiting = true;
});
setInterval(() => store.send({ type: "tick", now: Date.now() }), TICK);
watchAccess(store.send);
show();
