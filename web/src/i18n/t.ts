// Every word on the screen comes through t(): keys are checked by the compiler, messages are ICU.
import { IntlMessageFormat } from "intl-messageformat";
import type chat from "./chat.json";
import type chats from "./chats.json";
import en from "./en.json";
import type palette from "./palette.json";
import { pseudo } from "./pseudo";
import type settings from "./settings.json";
import type usage from "./usage.json";

/** Those of a part are there once its page is: the lint refuses a use without the import. */
export type Key = keyof typeof en | keyof typeof settings | keyof typeof chat | keyof typeof palette | keyof typeof usage | keyof typeof chats;
export type Values = Record<string, string | number | boolean | Date | null | undefined>;

const wanted = typeof location === "undefined" ? null : new URLSearchParams(location.search).get("locale");
/** `?locale=pseudo` shows which words do not come from the catalogue and where longer words break the layout. */
const isPseudo = wanted === "pseudo";
export const locale: string = "en";

type Parsed = Exclude<ConstructorParameters<typeof IntlMessageFormat>[0], string>;

/** The build has parsed every message that has a placeholder. */
const messages = { ...en } as unknown as Record<Key, string | Parsed>;
const formats = new Map<Key, IntlMessageFormat>();

/** Adds a part of the catalogue that came with a page. */
export function learn(part: Record<string, unknown>): void {
  Object.assign(messages, part);
}

export function t(key: Key, values?: Values): string {
  const message = messages[key];
  if (typeof message === "string" && !isPseudo) return message;
  let format = formats.get(key);
  if (!format) {
    const parsed = typeof message === "string" ? ([{ type: 0, value: message }] as unknown as Parsed) : message;
    format = new IntlMessageFormat(isPseudo ? pseudo(parsed) : parsed, locale);
    formats.set(key, format);
  }
  return String(format.format(values));
}
