/** What the page's modules share, and what they use of Cockpit: for the type checker alone. */

type VNode = { tag: string; props: Props; children: (VNode | string)[] };
type Child = VNode | string | number | false | null | undefined | Child[];
type Props = {
  key?: string | number;
  class?: string;
  style?: Record<string, string | number>;
  created?: (element: HTMLElement) => void;
  removed?: (element: HTMLElement) => void;
  onclick?: (event: MouseEvent) => void;
  oninput?: (event: InputEvent) => void;
  onchange?: (event: Event) => void;
  onsubmit?: (event: SubmitEvent) => void;
  oncancel?: (event: Event) => void;
  onkeydown?: (event: KeyboardEvent) => void;
  // biome-ignore lint/suspicious/noExplicitAny: attributes may be anything that has a text
  [name: string]: any;
};

/** Properties of org.tetraslibre.Back. */
interface Manager {
  Version: string;
  Busy: boolean;
  Scripts: [string, boolean, string][];
  ConfigurationError: string;
  /** UUID, empty = every disk, and until when. A daemon of before has none. */
  Holds?: [string, number][];
  Preparable?: Whole[];
  Alerts: { Code: string; UUID: string; Since: number; Message: string }[];
}

/** A whole disk that could be made a backup disk, and what is on it. */
interface Whole {
  Device: string;
  DiskSequence: number;
  Model: string;
  Serial: string;
  Size: number;
  PartitionTable: string;
  Contents: {
    Device: string;
    Size: number;
    FilesystemType: string;
    Label: string;
    UUID: string;
    MountPoints: string[];
    UsedBy: string[];
  }[];
  Usable: boolean;
  Step: string;
}

/** Properties of org.tetraslibre.Back.Disk. */
interface Disk {
  UUID: string;
  Name: string;
  Saved: boolean;
  Device: string;
  Label: string;
  Model: string;
  Serial: string;
  FilesystemType: string;
  Size: number;
  Free: number;
  State: string;
  Reason: string;
  LastSeen: number;
  LastSuccess: number;
  LastVerdict: string;
  /** A daemon of before has none. */
  BrowseUntil?: number;
}

/** Properties of org.tetraslibre.Back.Backup. */
interface Backup {
  Id: number;
  UUID: string;
  Trigger: string;
  State: string;
  Verdict: string;
  Code: string;
  Step: string;
  Fraction: number;
  BytesDone: number;
  BytesTotal: number;
  FilesDone: number;
  Warnings: number;
  StartedAt: number;
  FinishedAt: number;
  Message: string;
}

/** Properties of org.tetraslibre.Back.Job: a backup that is verified, or restored. */
interface Job extends Omit<Backup, "Trigger"> {
  Kind: string;
  Snapshot: string;
}

/** An entry of GetHistory. */
interface Entry {
  Id: number;
  UUID: string;
  Name: string;
  Trigger: string;
  Verdict: string;
  Code: string;
  StartedAt: number;
  FinishedAt: number;
  Bytes: number;
  Files: number;
  Warnings: number;
  Message: string;
  Snapshot: string;
}

/** connecting: not known yet. missing: not installed. lost: the bus, or Cockpit, is gone. */
type Link = "connecting" | "up" | "stopped" | "missing" | "refused" | "lost";

/** What the person in front of the page may change; null: not known yet. */
type Access = "admin" | "operator" | "none" | null;

/** Samples of how much a backup had done, oldest first. */
type Pace = { at: number; bytes: number; fraction: number }[];

/** An entry of GetJobs: what was verified or restored. */
interface JobEntry extends Omit<Entry, "Trigger"> {
  Kind: string;
}

/** A list that is read a page at a time. */
interface Paged<E> {
  uuid: string;
  /** Where the pages begin that were turned to reach this one; the last is this one's. */
  before: number[];
  entries: E[];
  more: boolean;
  loading: boolean;
  trouble: string;
}

interface HistoryState extends Paged<Entry> {
  /** The newest ones, for the chart. */
  recent: Entry[];
}

/** A row of ListSnapshots. */
interface Snapshot {
  Snapshot: string;
  StartedAt: number;
  Host: string;
  Ours: boolean;
  Original: boolean;
  Pinned: boolean;
  Bytes: number;
  Files: number;
  Manifest: boolean;
  /** A word of PROOFS; missing of an older daemon's. */
  Proof?: string;
}

/** Where to: a folder, where it came from, or the database server. */
type Goal = "folder" | "place" | "mysql" | "postgresql";

/** What a person wants back. */
interface Wish {
  goal: Goal;
  /** Paths, or names of databases; none = everything. */
  what: string[];
  folder: string;
}

type Dialog =
  | {
      kind: "snapshots";
      uuid: string;
      snapshots: Snapshot[] | null;
      /** The one that is to be restored; empty = none yet. */
      restoring: string;
      wish: Wish;
      /** Whether the person is asked once more. */
      asking: boolean;
      trouble: string;
      busy: boolean;
    }
  | { kind: "prepare"; device: string; sequence: number; trouble: string; busy: boolean }
  | { kind: "save" | "rename" | "forget" | "unplug"; uuid: string; trouble: string; busy: boolean }
  | {
      kind: "log";
      entry: Entry | JobEntry;
      text: string | null;
      trouble: string;
      search: string;
      most: number;
    };

interface State {
  link: Link;
  manager: Manager | null;
  disks: Readonly<Record<string, Disk>>;
  backups: Readonly<Record<string, Backup>>;
  jobs: Readonly<Record<string, Job>>;
  paces: Readonly<Record<string, Pace>>;
  access: Access;
  /** What has been asked for and is not answered yet, such as "unplug UUID". */
  pending: readonly string[];
  /** What went wrong with something asked for. */
  trouble: string;
  history: HistoryState;
  past: Paged<JobEntry>;
  /** Where a backup is shown, by the UUID of its disk. */
  views: Readonly<Record<string, string>>;
  dialog: Dialog | null;
  /** Whether all news are shown, not only the worst. */
  allNews: boolean;
  /** ms since the epoch. */
  now: number;
}

type Happening =
  | { type: "link"; link: Link }
  | { type: "objects"; manager: Manager; objects: Record<string, Record<string, object>> }
  | { type: "added"; path: string; interfaces: Record<string, object> }
  | { type: "removed"; path: string; interfaces: string[] }
  | { type: "changed"; path: string; name: string; properties: object; at: number }
  | { type: "access"; access: Access }
  | { type: "asked"; key: string }
  | { type: "answered"; key: string; trouble: string }
  | { type: "trouble"; trouble: string }
  | { type: "history"; change: Partial<HistoryState> }
  | { type: "past"; change: Partial<Paged<JobEntry>> }
  | { type: "view"; uuid: string; path: string }
  | { type: "dialog"; dialog: Dialog | null }
  | { type: "dialog-change"; change: object }
  | { type: "all-news"; shown: boolean }
  | { type: "tick"; now: number };

type Send = (happening: Happening) => void;

interface DBusError {
  name?: string;
  message: string;
  problem?: string | null;
}

interface CockpitDBus {
  call(
    path: string,
    name: string,
    member: string,
    args: unknown[],
    options?: { type?: string; timeout?: number; flags?: string },
  ): Promise<unknown[]>;
  subscribe(
    match: {
      path?: string;
      path_namespace?: string;
      interface?: string;
      member?: string;
      arg0?: string;
    },
    callback: (path: string, name: string, signal: string, args: unknown[]) => void,
  ): { remove(): void };
  addEventListener(type: "owner", callback: (event: Event, owner: string | null) => void): void;
  addEventListener(
    type: "close",
    callback: (event: Event, options: { problem?: string | null }) => void,
  ): void;
  close(problem?: string): void;
}

interface Cockpit {
  dbus(name: string, options: { bus: string; superuser?: "try" | "require" }): CockpitDBus;
  permission(options: { admin: true }): {
    allowed: boolean | null;
    addEventListener(type: "changed", callback: () => void): void;
  };
  user(): Promise<{ id: number; groups: string[] | null }>;
  gettext(text: string): string;
  gettext(context: string, text: string): string;
  ngettext(one: string, many: string, count: number): string;
  language: string;
  transport: { wait(callback: () => void): void };
}

declare const cockpit: Cockpit;
