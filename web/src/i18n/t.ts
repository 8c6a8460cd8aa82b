// Every word on the screen comes through t(): keys are checked by the compiler, messages are ICU.
import type approvals from "./approvals.json";
import type attachments from "./attachments.json";
import type auth from "./auth.json";
import type chat from "./chat.json";
import type chats from "./chats.json";
import en from "./en.json";
import type first from "./first.json";
import type imports from "./imports.json";
import type memory from "./memory.json";
import { format, type Piece, type Values } from "./message";
import type palette from "./palette.json";
import type provider from "./provider.json";
import { pseudo } from "./pseudo";
import type settings from "./settings.json";
import type usage from "./usage.json";

/** Those of a part are there once its page is: the lint refuses a use without the import. */
export type Key = keyof typeof en | keyof typeof approvals | keyof typeof attachments | keyof typeof auth | keyof typeof chat | keyof typeof chats | keyof typeof first | keyof typeof imports | keyof typeof memory | keyof typeof palette | keyof typeof provider | keyof typeof settings | keyof typeof usage;

const wanted = typeof location === "undefined" ? null : new URLSearchParams(location.search).get("locale");
/** `?locale=pseudo` shows which words do not come from the catalogue and where longer words break the layout. */
const isPseudo = wanted === "pseudo";
export const locale: string = "en";

/** The build has parsed every message that has a placeholder. */
const messages = { ...en } as unknown as Record<Key, string | Piece[]>;

/** Adds a part of the catalogue that came with a page. */
export function learn(part: Record<string, unknown>): void {
  Object.assign(messages, part);
}

export function t(key: Key, values: Values = {}): string {
  const message = messages[key];
  if (isPseudo) return format(pseudo(typeof message === "string" ? [{ type: 0, value: message }] : message), values, locale);
  return typeof message === "string" ? message : format(message, values, locale);
}
