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
  let client = reading();

  function reading() {
    const opened = cockpit.dbus(NAME, { bus: "system" });
    opened.subscribe(
      { path_namespace: ROOT, interface: PROPERTIES },
      (path, _name, _signal, args) => {
        const [name, properties] = /** @type {[string, object]} */ (plain(args));
        send({ type: "changed", path, name, properties, at: Date.now() });
      },
    );
    opened.subscribe({ path: ROOT, interface: OBJECTS }, (_path, _name, signal, args) => {
      const [path, second] = /** @type {[string, object]} */ (plain(args));
      if (signal === "InterfacesAdded") {
        const interfaces = /** @type {Record<string, object>} */ (second);
        send({ type: "added", path, interfaces });
      } else {
        send({ type: "removed", path, interfaces: /** @type {string[]} */ (second) });
      }
    });
    opened.subscribe({ path: ROOT, interface: NAME }, (_path, _name, signal, args) =>
      onSignal(signal, args),
    );
    opened.addEventListener("owner", (_event, owner) => {
      if (opened !== client && client) return;
      if (owner) load(opened);
      else whyNot(opened);
    });
    opened.addEventListener("close", () => {
      send({ type: "link", link: "lost" });
      setTimeout(again, RETRY);
    });
    return opened;
  }

  function again() {
    client.close();
    client = reading();
    load(client);
  }

  /** @param {CockpitDBus} from */
  async function load(from) {
    try {
      const [[objects], [manager]] = await Promise.all([
        from.call(ROOT, OBJECTS, "GetManagedObjects", [], { type: "" }),
        from.call(ROOT, PROPERTIES, "GetAll", [NAME], { type: "s" }),
      ]);
      const found = /** @type {Record<string, Record<string, object>>} */ (plain(objects));
      send({ type: "objects", manager: /** @type {Manager} */ (plain(manager)), objects: found });
    } catch (caught) {
      const error = /** @type {DBusError} */ (caught);
      if (error.name === "org.freedesktop.DBus.Error.AccessDenied") {
        send({ type: "link", link: "refused" });
      } else if (!error.problem || error.problem === "not-found") {
        await whyNot(from);
      }
      // Else the connection has closed, and is opened again.
    }
  }

  /** Nobody owns the name: is there anything to start? */
  /** @param {CockpitDBus} from */
  async function whyNot(from) {
    const bus = cockpit.dbus("org.freedesktop.DBus", { bus: "system" });
    try {
      const [names] = await bus.call(
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "ListActivatableNames",
        [],
        { type: "" },
      );
      if (from !== client) return;
      const installed = /** @type {string[]} */ (names).includes(NAME);
      send({ type: "link", link: installed ? "stopped" : "missing" });
    } catch {
      send({ type: "link", link: "lost" });
    } finally {
      bus.close();
    }
  }

  load(client);

  return {
    /**
     * Read something that anybody may.
     *
     * @param {string} member
     * @param {string} type
     * @param {unknown[]} args
     */
    async read(member, type, args) {
      const answer = await client.call(ROOT, NAME, member, args, { type });
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
    retry: again,
  };
}

/** @typedef {ReturnType<typeof connect>} Bus */
