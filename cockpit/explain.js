/** Errors of the bus as one line that says what happened and, where it is known, what to do. */

import { _, N_, say } from "./text.js";
import { told } from "./told.js";
import { ERRORS } from "./words.js";

const DBUS = "org.freedesktop.DBus.Error.";

const NOT_ALLOWED = N_(
  "you may not do this here; turn on administrative access, at the top of the window",
);
const GONE = N_("the service is not running, or has just stopped");

/**
 * @param {unknown} caught
 * @returns {string}
 */
export function explain(caught) {
  const error = /** @type {DBusError} */ (caught);
  if (error.problem === "access-denied") return _(NOT_ALLOWED);
  if (error.problem) return _(GONE);
  switch (error.name) {
    case `${DBUS}AccessDenied`:
    case `${DBUS}InteractiveAuthorizationRequired`:
      return _(NOT_ALLOWED);
    case `${DBUS}ServiceUnknown`:
    case `${DBUS}NameHasNoOwner`:
    case `${DBUS}NoReply`:
    case `${DBUS}Disconnected`:
      return _(GONE);
    default:
      return told(error.message, error.name ? about(error.name) : "");
  }
}

/** @param {string} name */
const about = (name) => (Object.hasOwn(ERRORS, name) ? say(ERRORS, name) : "");
