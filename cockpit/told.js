/**
 * What the daemon says in English on the bus, said again in the reader's language, as
 * `tetrasback/lang/told.py` does for the other clients.
 */

import { _, clean, fill, say } from "./text.js";
import { SENTENCES, VERDICT_WORDS } from "./words.js";

/** @type {{sentence: string, pattern: RegExp}[] | null} */
let known = null;

/** The sentences as patterns, those that leave least open first. */
function patterns() {
  known ??= [...SENTENCES]
    .sort((one, other) => fixed(other) - fixed(one))
    .map((sentence) => ({ sentence, pattern: pattern(sentence) }));
  return known;
}

/** @param {string} sentence */
const fixed = (sentence) => sentence.replaceAll(/\{\w+\}/g, "").length;

/** @param {string} sentence */
function pattern(sentence) {
  const parts = sentence
    .split(/\{(\w+)\}/)
    .map((part, index) =>
      index % 2 ? `(?<${part}>.+)` : part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"),
    );
  return new RegExp(`^${parts.join("")}$`, "s");
}

/**
 * TEXT of the daemon in the reader's language.
 *
 * ABOUT says in that language what its code means: for a TEXT that is not known, which then follows
 * it, and for none.
 *
 * @param {string} text
 * @param {string} [about]
 * @returns {string}
 */
export function told(text, about = "") {
  if (!text) return about;
  const line = clean(text);
  if ((cockpit.language || "en").startsWith("en")) return line;
  const again = sayAgain(line);
  if (again) return again;
  return about ? fill(_("{about} ({text})"), { about, text: line }) : line;
}

/** @param {string} text */
function sayAgain(text) {
  for (const { sentence, pattern } of patterns()) {
    const found = pattern.exec(text);
    if (!found) continue;
    const facts = { ...found.groups };
    if (facts.what)
      facts.what = facts.what
        .split(", ")
        .map((part) => told(part))
        .join(", ");
    if (facts.why) facts.why = told(facts.why);
    if (facts.verdict) facts.verdict = say(VERDICT_WORDS, facts.verdict, "verdict");
    return fill(_(sentence), facts);
  }
  return "";
}
