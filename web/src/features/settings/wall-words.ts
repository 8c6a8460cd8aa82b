// The walls and their levels in words. The names are those of ally-sandbox; an unknown one is shown as it is.
import "../../i18n/settings";
import type { Space } from "../../api/types";
import { type Key, t } from "../../i18n/t";

interface Words {
  title: Key;
  /** What it keeps out. */
  lead: Key;
  /** What it means that it is not up. */
  missing: Key;
}

const wall = (title: Key, lead: Key, missing: Key): Words => ({ title, lead, missing });

/** In the order in which they are shown, under the question that they answer. */
export const GROUPS: ReadonlyArray<{ title: Key; walls: Readonly<Record<string, Words>> }> = [
  {
    title: "walls.group.who",
    walls: {
      own_user: wall("walls.own_user", "walls.own_user.lead", "walls.own_user.missing"),
      user_namespace: wall("walls.user_namespace", "walls.user_namespace.lead", "walls.user_namespace.missing"),
      no_capabilities: wall("walls.no_capabilities", "walls.no_capabilities.lead", "walls.no_capabilities.missing"),
      no_new_privs: wall("walls.no_new_privs", "walls.no_new_privs.lead", "walls.no_new_privs.missing"),
    },
  },
  {
    title: "walls.group.sees",
    walls: {
      empty_root: wall("walls.empty_root", "walls.empty_root.lead", "walls.empty_root.missing"),
      mount_namespace: wall("walls.mount_namespace", "walls.mount_namespace.lead", "walls.mount_namespace.missing"),
      landlock: wall("walls.landlock", "walls.landlock.lead", "walls.landlock.missing"),
      pid_namespace: wall("walls.pid_namespace", "walls.pid_namespace.lead", "walls.pid_namespace.missing"),
      ipc_namespace: wall("walls.ipc_namespace", "walls.ipc_namespace.lead", "walls.ipc_namespace.missing"),
      uts_namespace: wall("walls.uts_namespace", "walls.uts_namespace.lead", "walls.uts_namespace.missing"),
    },
  },
  {
    title: "walls.group.does",
    walls: {
      network_namespace: wall("walls.network_namespace", "walls.network_namespace.lead", "walls.network_namespace.missing"),
      seccomp: wall("walls.seccomp", "walls.seccomp.lead", "walls.seccomp.missing"),
      no_core_dumps: wall("walls.no_core_dumps", "walls.no_core_dumps.lead", "walls.no_core_dumps.missing"),
    },
  },
  {
    title: "walls.group.uses",
    walls: {
      memory_limit: wall("walls.memory_limit", "walls.memory_limit.lead", "walls.memory_limit.missing"),
      process_limit: wall("walls.process_limit", "walls.process_limit.lead", "walls.process_limit.missing"),
      cpu_limit: wall("walls.cpu_limit", "walls.cpu_limit.lead", "walls.cpu_limit.missing"),
      disk_quota: wall("walls.disk_quota", "walls.disk_quota.lead", "walls.disk_quota.missing"),
    },
  },
];

const LEVELS: Record<string, { title: Key; lead: Key }> = {
  full: { title: "walls.level.full", lead: "walls.level.full.lead" },
  own_user: { title: "walls.level.own_user", lead: "walls.level.own_user.lead" },
  own_user_open_files: { title: "walls.level.own_user_open_files", lead: "walls.level.own_user_open_files.lead" },
  own_user_only: { title: "walls.level.own_user_only", lead: "walls.level.own_user_only.lead" },
  user_namespace: { title: "walls.level.user_namespace", lead: "walls.level.user_namespace.lead" },
  nothing: { title: "walls.level.nothing", lead: "walls.level.nothing.lead" },
};

export function levelInWords(level: string | undefined): { title: string; lead: string } | null {
  const known = LEVELS[level ?? ""];
  if (known) return { title: t(known.title), lead: t(known.lead) };
  return level ? { title: level, lead: "" } : null;
}

export interface Wall {
  name: string;
  title: string;
  lead: string;
  isUp: boolean;
}

/** Every wall that this space has, or lacks, group by group. */
export function wallsOf(space: Space): Array<{ title: string; walls: Wall[] }> {
  const up = new Set(space.walls);
  const why = new Map(space.missing?.map((one) => [one.wall, one.why]));
  const groups = GROUPS.map((group) => ({
    title: t(group.title),
    walls: Object.entries(group.walls)
      // A user of its own is the higher of these two walls: who has it does not lack the other.
      .filter(([name]) => name !== "user_namespace" || up.has(name) || why.has(name))
      .map(([name, words]) => ({ name, title: t(words.title), isUp: up.has(name), lead: up.has(name) ? t(words.lead) : [t(words.missing), why.get(name)].filter(Boolean).join(" ") })),
  }));
  const known = new Set(GROUPS.flatMap((group) => Object.keys(group.walls)));
  const others = [...up, ...why.keys()].filter((name) => !known.has(name));
  if (others.length) groups.push({ title: t("walls.group.others"), walls: others.map((name) => ({ name, title: name, isUp: up.has(name), lead: why.get(name) ?? "" })) });
  return groups;
}

/** By what an attempt was refused: the name of an error, as a person says it. */
const REASONS: Record<string, Key> = {
  EACCES: "walls.by.denied",
  EPERM: "walls.by.not_permitted",
  EROFS: "walls.by.read_only",
  ENOENT: "walls.by.absent",
  ENXIO: "walls.by.absent",
  ENODEV: "walls.by.absent",
  ENOTDIR: "walls.by.absent",
  ESRCH: "walls.by.no_process",
  ECHILD: "walls.by.no_process",
  ECONNREFUSED: "walls.by.nobody",
  ENETUNREACH: "walls.by.no_network",
  EHOSTUNREACH: "walls.by.no_network",
  ENETDOWN: "walls.by.no_network",
  EADDRNOTAVAIL: "walls.by.no_network",
  EAFNOSUPPORT: "walls.by.no_network",
  ENOSYS: "walls.by.unknown_call",
  EINVAL: "walls.by.unknown_call",
  EAGAIN: "walls.by.limit",
  ENOMEM: "walls.by.limit",
  EMFILE: "walls.by.limit",
  ENOSPC: "walls.by.limit",
  EDQUOT: "walls.by.limit",
  EFBIG: "walls.by.limit",
};

export function reasonInWords(by: string): string | null {
  const key = REASONS[by];
  return key ? t(key) : null;
}
