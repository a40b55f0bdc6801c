/**
 * What the page knows, and how each happening changes it. Data flows one way: the bus, and what the
 * person does, send happenings here; views show the state that comes of them.
 */

const DISK = "org.tetraslibre.Back.Disk";
const BACKUP = "org.tetraslibre.Back.Backup";
const JOB = "org.tetraslibre.Back.Job";
const MANAGER = "org.tetraslibre.Back";
const ROOT = "/org/tetraslibre/Back";

/** Over how many ms the speed of a backup is measured. */
const PACE_MS = 15_000;

/** @type {Paged<never>} */
const NOTHING = {
  uuid: "",
  before: [0],
  entries: [],
  more: false,
  loading: false,
  trouble: "",
};

/** @type {State} */
export const START = {
  link: "connecting",
  manager: null,
  disks: {},
  backups: {},
  jobs: {},
  paces: {},
  access: null,
  pending: [],
  trouble: "",
  history: { ...NOTHING, recent: [] },
  past: NOTHING,
  views: {},
  dialog: null,
  allNews: false,
  now: 0,
};

/**
 * The state after HAPPENING. Pure; what has not changed stays the same object.
 *
 * @param {State} state
 * @param {Happening} happening
 * @returns {State}
 */
export function reduce(state, happening) {
  switch (happening.type) {
    case "link":
      // What was known last stays known, but nothing of it is shown as true any more.
      return {
        ...state,
        link: happening.link,
        pending: happening.link === "up" ? state.pending : [],
      };
    case "objects": {
      /** @type {State} */
      let next = {
        ...state,
        manager: happening.manager,
        disks: {},
        backups: {},
        jobs: {},
        link: "up",
      };
      for (const [path, interfaces] of Object.entries(happening.objects)) {
        next = withObject(next, path, interfaces);
      }
      return next;
    }
    case "added":
      return withObject(state, happening.path, happening.interfaces);
    case "removed":
      return withoutObject(state, happening.path);
    case "changed":
      return withChange(state, happening);
    case "access":
      return { ...state, access: happening.access };
    case "asked":
      return { ...state, trouble: "", pending: [...state.pending, happening.key] };
    case "answered":
      return {
        ...state,
        pending: state.pending.filter((key) => key !== happening.key),
        trouble: happening.trouble,
      };
    case "trouble":
      return { ...state, trouble: happening.trouble };
    case "history":
      return { ...state, history: { ...state.history, ...happening.change } };
    case "past":
      return { ...state, past: { ...state.past, ...happening.change } };
    case "view":
      return { ...state, views: { ...state.views, [happening.uuid]: happening.path } };
    case "dialog":
      return { ...state, dialog: happening.dialog, trouble: "" };
    case "dialog-change":
      return state.dialog
        ? { ...state, dialog: /** @type {Dialog} */ ({ ...state.dialog, ...happening.change }) }
        : state;
    case "all-news":
      return { ...state, allNews: happening.shown };
    case "tick":
      return { ...state, now: happening.now };
  }
}

/**
 * @param {State} state
 * @param {string} path
 * @param {Record<string, object>} interfaces
 * @returns {State}
 */
function withObject(state, path, interfaces) {
  if (interfaces[DISK]) {
    const disk = /** @type {Disk} */ (interfaces[DISK]);
    return { ...state, disks: { ...state.disks, [path]: disk } };
  }
  if (interfaces[BACKUP]) {
    const backup = /** @type {Backup} */ (interfaces[BACKUP]);
    return { ...state, backups: { ...state.backups, [path]: backup } };
  }
  if (interfaces[JOB]) {
    const job = /** @type {Job} */ (interfaces[JOB]);
    return { ...state, jobs: { ...state.jobs, [path]: job } };
  }
  return state;
}

/**
 * @param {State} state
 * @param {string} path
 * @returns {State}
 */
function withoutObject(state, path) {
  const { [path]: _disk, ...disks } = state.disks;
  const { [path]: _backup, ...backups } = state.backups;
  const { [path]: _pace, ...paces } = state.paces;
  const { [path]: _job, ...jobs } = state.jobs;
  return { ...state, disks, backups, jobs, paces };
}

/**
 * @param {State} state
 * @param {Extract<Happening, {type: "changed"}>} change
 * @returns {State}
 */
function withChange(state, { path, name, properties, at }) {
  if (name === MANAGER && path === ROOT && state.manager) {
    return { ...state, manager: { ...state.manager, ...properties } };
  }
  if (name === DISK && state.disks[path]) {
    const disk = { ...state.disks[path], ...properties };
    return { ...state, disks: { ...state.disks, [path]: disk } };
  }
  if (name === BACKUP && state.backups[path]) {
    const backup = { ...state.backups[path], ...properties };
    const backups = { ...state.backups, [path]: backup };
    return { ...state, backups, paces: withSample(state.paces, path, backup, at) };
  }
  if (name === JOB && state.jobs[path]) {
    const job = { ...state.jobs[path], ...properties };
    const jobs = { ...state.jobs, [path]: job };
    return { ...state, jobs, paces: withSample(state.paces, path, job, at) };
  }
  return state;
}

/**
 * @param {State["paces"]} paces
 * @param {string} path
 * @param {Backup | Job} work
 * @param {number} at
 */
function withSample(paces, path, { BytesDone: bytes, Fraction: fraction }, at) {
  const samples = (paces[path] ?? []).filter((sample) => sample.at > at - PACE_MS);
  return { ...paces, [path]: [...samples, { at, bytes, fraction }] };
}

/**
 * A store of the state: `send` changes it, `watch` is told of every change.
 *
 * @param {State} [first]
 */
export function makeStore(first = START) {
  let state = first;
  /** @type {((state: State, before: State) => void)[]} */
  const watchers = [];
  return {
    get state() {
      return state;
    },
    /** @type {Send} */
    send(happening) {
      const before = state;
      state = reduce(state, happening);
      if (state !== before) for (const watcher of watchers) watcher(state, before);
    },
    /** @param {(state: State, before: State) => void} watcher */
    watch(watcher) {
      watchers.push(watcher);
    },
  };
}

/** @typedef {ReturnType<typeof makeStore>} Store */
