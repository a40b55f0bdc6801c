/**
 * The daemon on the system bus: what it shows becomes happenings, what is asked of it goes out.
 *
 * Two connections. One reads and listens as the person who logged in, since anybody may. The other
 * asks for changes, with Cockpit's administrative access where it is on; polkit decides in the end.
 */

export const NAME = "org.tetraslibre.Back";
export const ROOT = "/org/tetraslibre/Back";
const PROPERTIES = "org.freedesktop.DBus.Properties";
const OBJECTS = "org.freedesktop.DBus.ObjectManager";
const BUS = "org.freedesktop.DBus";
const BUS_PATH = "/org/freedesktop/DBus";
/** ms without any answer after which the connection is given up; a daemon may have to start. */
const SILENCE = 30_000;
/** ms until a lost bus is tried again. */
const RETRY = 2000;
/** ms that an answer may take: unplugging a slow disk writes what is left to be written. */
const PATIENCE = 24 * 3600 * 1000;

/**
 * A value of the bus without the variants that it is wrapped in.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if ("t" in value && "v" in value && Object.keys(value).length === 2) return plain(value.v);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/**
 * @param {Send} send
 * @param {(member: string, args: unknown[]) => void} onSignal a signal of the daemon itself
 */
export function connect(send, onSignal) {
  /** The bus itself, which tells when the daemon comes and goes. @type {CockpitDBus | null} */
  let bus = null;
  /** The daemon, while it is there. @type {CockpitDBus | null} */
  let daemon = null;
  let timer = 0;

  /** @param {Link} link */
  function settle(link) {
    clearTimeout(timer);
    if (link === "lost") timer = setTimeout(open, RETRY);
    send({ type: "link", link });
  }

  /** @param {string} member @param {string} type @param {unknown[]} args */
  const askBus = async (member, type, args) =>
    (await bus?.call(BUS_PATH, BUS, member, args, { type }))?.[0];

  function open() {
    leave();
    const old = bus;
    const opened = cockpit.dbus(BUS, { bus: "system" });
    bus = opened;
    old?.close();
    clearTimeout(timer);
    timer = setTimeout(() => settle("lost"), SILENCE);
    const match = { interface: BUS, path: BUS_PATH, member: "NameOwnerChanged", arg0: NAME };
    opened.subscribe(match, (_path, _name, _signal, args) => {
      if (opened !== bus) return;
      leave();
      if (args[2]) enter();
      else whyNot();
    });
    opened.addEventListener("close", () => {
      if (opened !== bus) return;
      leave();
      settle("lost");
    });
    look();
  }

  /** Is the daemon there? If not, does it come when it is called for? */
  async function look() {
    const asked = bus;
    try {
      if (await askBus("NameHasOwner", "s", [NAME])) enter();
      else await askBus("StartServiceByName", "su", [NAME, 0]);
    } catch {
      if (asked === bus) await whyNot();
    }
  }

  /** Nobody owns the name: is there anything that could be started? */
  async function whyNot() {
    const asked = bus;
    try {
      const names = /** @type {string[]} */ (await askBus("ListActivatableNames", "", []));
      if (asked === bus && !daemon) settle(names.includes(NAME) ? "stopped" : "missing");
    } catch {
      if (asked === bus) settle("lost");
    }
  }

  function enter() {
    if (daemon) return;
    const opened = cockpit.dbus(NAME, { bus: "system" });
    daemon = opened;
    listen(opened);
    opened.addEventListener("close", () => {
      if (opened !== daemon) return;
      daemon = null;
      settle("lost");
    });
    load(opened);
  }

  function leave() {
    const left = daemon;
    daemon = null;
    left?.close();
  }

  /** @param {CockpitDBus} to */
  function listen(to) {
    to.subscribe({ path_namespace: ROOT, interface: PROPERTIES }, (path, _name, _signal, args) => {
      const [name, properties] = /** @type {[string, object]} */ (plain(args));
      send({ type: "changed", path, name, properties, at: Date.now() });
    });
    to.subscribe({ path: ROOT, interface: OBJECTS }, (_path, _name, signal, args) => {
      const [path, second] = /** @type {[string, object]} */ (plain(args));
      if (signal === "InterfacesAdded") {
        const interfaces = /** @type {Record<string, object>} */ (second);
        send({ type: "added", path, interfaces });
      } else {
        send({ type: "removed", path, interfaces: /** @type {string[]} */ (second) });
      }
    });
    to.subscribe({ path: ROOT, interface: NAME }, (_path, _name, signal, args) =>
      onSignal(signal, args),
    );
  }

  /** @param {CockpitDBus} from */
  async function load(from) {
    try {
      const [[objects], [manager]] = await Promise.all([
        from.call(ROOT, OBJECTS, "GetManagedObjects", [], { type: "" }),
        from.call(ROOT, PROPERTIES, "GetAll", [NAME], { type: "s" }),
      ]);
      if (from !== daemon) return;
      clearTimeout(timer);
      const found = /** @type {Record<string, Record<string, object>>} */ (plain(objects));
      send({ type: "objects", manager: /** @type {Manager} */ (plain(manager)), objects: found });
    } catch (caught) {
      if (from !== daemon) return;
      const { name } = /** @type {DBusError} */ (caught);
      settle(name === "org.freedesktop.DBus.Error.AccessDenied" ? "refused" : "lost");
    }
  }

  open();

  return {
    /**
     * Read something that anybody may.
     *
     * @param {string} member
     * @param {string} type
     * @param {unknown[]} args
     */
    async read(member, type, args) {
      if (!daemon) throw new Error("not connected");
      const answer = await daemon.call(ROOT, NAME, member, args, { type });
      return plain(answer[0]);
    },

    /**
     * Ask for what needs an authorisation.
     *
     * @param {string} member
     * @param {string} type
     * @param {unknown[]} args
     */
    async ask(member, type, args) {
      const acting = cockpit.dbus(NAME, { bus: "system", superuser: "try" });
      try {
        const answer = await acting.call(ROOT, NAME, member, args, { type, timeout: PATIENCE });
        return plain(answer[0]);
      } finally {
        acting.close();
      }
    },

    /** Look once more whether the daemon is there; activation starts one that is not. */
    retry: open,
  };
}

/** @typedef {ReturnType<typeof connect>} Bus */
