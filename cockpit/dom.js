/**
 * The page's elements, made and kept up to date from descriptions of them.
 *
 * Everything that is shown passes through here, and text only ever becomes a text node or an
 * attribute: there is no way to make elements out of a string, so that the name of a disk or a line
 * of a log stays what it is. Elements that stay are kept, with focus, selection and scrolling.
 */

const SVG = "http://www.w3.org/2000/svg";
/** Set as properties: as attributes they would only be the value to begin with. */
const PROPERTIES = new Set(["checked", "disabled", "value", "hidden"]);
/** Known to this file alone. */
const OWN = new Set(["key", "class", "style", "created", "removed"]);

/**
 * Describe an element.
 *
 * Among PROPS: `key` tells it from its siblings; `class`; `style` with CSS properties; `onclick` and
 * the like; `created` and `removed`, called with the element. What is null or false is left out,
 * among CHILDREN too.
 *
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children) };
}

/**
 * @param {Child[]} children
 * @returns {(VNode | string)[]}
 */
function flat(children) {
  /** @type {(VNode | string)[]} */
  const found = [];
  for (const child of children) {
    if (Array.isArray(child)) found.push(...flat(child));
    else if (typeof child === "number") found.push(String(child));
    else if (child || child === "") found.push(/** @type {VNode | string} */ (child));
  }
  return found;
}

/** Who is to be told once all are in their places. @type {(() => void)[]} */
const arrived = [];

/** @type {WeakMap<Element, (VNode | string)[]>} */
const shown = new WeakMap();

/**
 * Make the children of ELEMENT those that are described; what was the same stays as it is.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function render(element, ...children) {
  const next = flat(children);
  const focused = document.activeElement;
  reconcile(element, shown.get(element) ?? [], next);
  shown.set(element, next);
  for (const tell of arrived.splice(0)) tell();
  // What is moved to another place loses it.
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) {
    if (document.activeElement === document.body) focused.focus({ preventScroll: true });
  }
}

/** @type {WeakMap<VNode, Element>} */
const elements = new WeakMap();

/**
 * By which an element is known again: its key, or else its class among those that have the same, so
 * that what comes before it may come and go.
 *
 * @param {VNode | string} node
 * @param {Map<string, number>} counts
 */
function identity(node, counts) {
  if (typeof node !== "string" && node.props.key !== undefined) {
    return `${node.tag} ${node.props.key}`;
  }
  const kind = typeof node === "string" ? "#text" : `${node.tag}.${node.props.class ?? ""}`;
  const count = counts.get(kind) ?? 0;
  counts.set(kind, count + 1);
  return `${kind} #${count}`;
}

/**
 * @param {Element} parent
 * @param {(VNode | string)[]} before
 * @param {(VNode | string)[]} after
 */
function reconcile(parent, before, after) {
  if (before === after) return;
  /** @type {Map<string, {node: VNode | string, dom: ChildNode}>} */
  const left = new Map();
  const old = [...parent.childNodes];
  const oldCounts = new Map();
  before.forEach((node, index) => {
    left.set(identity(node, oldCounts), { node, dom: old[index] });
  });
  const newCounts = new Map();
  const wanted = after.map((node) => {
    const id = identity(node, newCounts);
    const found = left.get(id);
    left.delete(id);
    return { node, found };
  });
  for (const { node, dom } of left.values()) {
    if (typeof node !== "string") leave(node);
    dom.remove();
  }
  let cursor = parent.firstChild;
  for (const { node, found } of wanted) {
    const dom = found ? update(found.dom, found.node, node) : create(node, parent);
    if (dom === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(dom, cursor);
    const created = !found && typeof node !== "string" && node.props.created;
    if (created) arrived.push(() => created(/** @type {HTMLElement} */ (dom)));
  }
}

/**
 * @param {VNode | string} node
 * @param {Element} parent
 * @returns {ChildNode}
 */
function create(node, parent) {
  if (typeof node === "string") return document.createTextNode(node);
  const svg = node.tag === "svg" || parent.namespaceURI === SVG;
  const element = svg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  elements.set(node, element);
  assign(element, {}, node.props);
  reconcile(element, [], node.children);
  assignLate(element, node.props);
  return element;
}

/**
 * @param {ChildNode} dom
 * @param {VNode | string} before
 * @param {VNode | string} after
 * @returns {ChildNode}
 */
function update(dom, before, after) {
  if (before === after) return dom;
  if (typeof after === "string" || typeof before === "string") {
    if (before !== after) dom.nodeValue = /** @type {string} */ (after);
    return dom;
  }
  const element = /** @type {Element} */ (dom);
  elements.set(after, element);
  assign(element, before.props, after.props);
  reconcile(element, before.children, after.children);
  if (after.props.value !== before.props.value) assignLate(element, after.props);
  return element;
}

/**
 * A select knows a value only once it has its options.
 *
 * @param {Element} element
 * @param {Props} props
 */
function assignLate(element, props) {
  if (element instanceof HTMLSelectElement && props.value !== undefined) {
    element.value = String(props.value);
  }
}

/**
 * @param {Element} element
 * @param {Props} before
 * @param {Props} after
 */
function assign(element, before, after) {
  for (const name of Object.keys({ ...before, ...after })) {
    const value = after[name];
    if (value === before[name] || (OWN.has(name) && name !== "class")) continue;
    if (name.startsWith("on") || PROPERTIES.has(name)) {
      Reflect.set(element, name, value ?? (name.startsWith("on") ? null : false));
    } else if (value === undefined || value === null || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  // By way of the object model: a style attribute would be inline style, which Cockpit forbids.
  for (const [name, value] of Object.entries(after.style ?? {})) {
    /** @type {HTMLElement} */ (element).style.setProperty(name, String(value));
  }
}

/** @param {VNode} node */
function leave(node) {
  for (const child of node.children) {
    if (typeof child !== "string") leave(child);
  }
  const element = elements.get(node);
  if (element) node.props.removed?.(/** @type {HTMLElement} */ (element));
}

/**
 * FUNCTION, which remembers its last result for each key: asked again with the same arguments it
 * gives the same description, which then costs nothing to show.
 *
 * @template {unknown[]} A
 * @template R
 * @param {(...args: A) => R} make
 * @returns {(key: string, ...args: A) => R}
 */
export function remembering(make) {
  /** @type {Map<string, {args: A, result: R}>} */
  const known = new Map();
  return (key, ...args) => {
    const last = known.get(key);
    if (last?.args.every((value, index) => Object.is(value, args[index]))) return last.result;
    const result = make(...args);
    known.set(key, { args, result });
    return result;
  };
}
