/**
 * What a person reads, in the language that they chose in Cockpit: `po.js`, which Cockpit picks by
 * it, has filled `cockpit` with a catalogue, English being the source.
 *
 * Variables are filled in afterwards, since a catalogue holds whole sentences:
 * `fill(_("disk {name} is safe"), { name })`.
 */

/** @param {string} text */
export const _ = (text) => (text ? cockpit.gettext(text) : "");

/**
 * TEXT, marked for the catalogues and translated where it is said.
 * @param {string} text
 */
export const N_ = (text) => text;

/**
 * @param {string} context
 * @param {string} text
 */
export const pgettext = (context, text) => cockpit.gettext(context, text);

/**
 * @param {string} one
 * @param {string} many
 * @param {number} count
 */
export const ngettext = (one, many, count) =>
  fill(cockpit.ngettext(one, many, count), { n: number(count) });

/**
 * TEXT with each `{name}` replaced by the value of that name.
 *
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function fill(text, values) {
  return text.replaceAll(/\{(\w+)\}/g, (place, name) =>
    Object.hasOwn(values, name) ? String(values[name]) : place,
  );
}

/**
 * What a table of `words.js` says for WORD; a word that a newer daemon may have added as it is.
 *
 * @param {Record<string, string>} table
 * @param {string} word
 * @param {string} [context] the one that the table is marked with, if it is
 */
export function say(table, word, context) {
  if (!Object.hasOwn(table, word)) return clean(word, 80);
  return context ? pgettext(context, table[word]) : _(table[word]);
}

/**
 * TEXT as it begins a line of its own; what is no word, such as the name of a file, stays as it is.
 *
 * @param {string} text
 */
export const sentence = (text) =>
  /^\p{Ll}+(?=[\s,:;’']|$)/u.test(text)
    ? text.charAt(0).toLocaleUpperCase(locale()) + text.slice(1)
    : text;

/**
 * TEXT of a stranger as one line of at most MOST characters. Control and formatting characters,
 * which could turn the direction of what stands beside them, become U+FFFD.
 *
 * @param {string} text
 * @param {number} [most]
 */
export function clean(text, most = 1000) {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return cut
    .replaceAll(/\s/g, (blank) => (blank === "\u00a0" ? blank : " "))
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu, "\ufffd");
}

/** The language of the catalogue in use, as BCP 47 has it; the reader's own kind of it if known. */
export function locale() {
  const language = (cockpit.language || "en").replace("_", "-");
  return navigator.languages.find((kind) => kind.startsWith(language)) ?? language;
}

/** @param {number} value */
export const number = (value) => new Intl.NumberFormat(locale()).format(value);
