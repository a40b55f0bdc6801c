/** The backup scripts, on and off; and what is wrong with the configuration. */

import { may } from "../access.js";
import { h } from "../dom.js";
import { _, clean } from "../text.js";
import { told } from "../told.js";
import { alert, button, card, line } from "./parts.js";

/**
 * @param {State} state
 * @param {import("../actions.js").Actions} actions
 */
export function scripts(state, actions) {
  const found = state.manager?.Scripts ?? [];
  const wrong = state.manager?.ConfigurationError ?? "";
  const allowed = may(state.access, "SetScriptEnabled");
  return card(
    "scripts",
    _("Scripts"),
    null,
    wrong &&
      alert(
        "error",
        _("The configuration has an error"),
        { key: "wrong" },
        line(told(wrong)),
        line(_("Until it is put right, what was in force stays in force.")),
        button(_("Read it again"), actions.reload, { disabled: !allowed, look: "link" }),
      ),
    found.length === 0 && h("p", { class: "nothing" }, _("There is no backup script.")),
    h(
      "ul",
      { class: "scripts" },
      found.map(([name, enabled, path], index) => {
        const id = `script-${index}`;
        return h(
          "li",
          { key: name },
          h(
            "label",
            { class: "switch", for: id },
            h("input", {
              id,
              type: "checkbox",
              role: "switch",
              checked: enabled,
              "aria-describedby": `${id}-path`,
              disabled: !allowed || state.pending.includes(`script ${name}`),
              onchange: (event) => {
                const box = /** @type {HTMLInputElement} */ (event.target);
                const wanted = box.checked;
                box.checked = enabled; // what is true is what the daemon says
                actions.enable(name, wanted);
              },
            }),
            h("span", { class: "switch-track", "aria-hidden": "true" }),
            h("span", null, clean(name, 120)),
          ),
          h("span", { class: "help", id: `${id}-path` }, clean(path, 300)),
        );
      }),
    ),
  );
}
