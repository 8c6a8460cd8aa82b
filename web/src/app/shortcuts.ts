// Keys that do something wherever one is: Ctrl or Cmd + K always, single keys only outside of fields, and not at all
// for whoever switched them off.
import { useEffect, useSyncExternalStore } from "react";
import { read, write } from "./storage";

const listeners = new Set<() => void>();

const isOn = (): boolean => read("shortcuts") !== "off";

export function setSingleKeys(on: boolean): void {
  write("shortcuts", on ? null : "off");
  for (const listener of listeners) listener();
}

export function useSingleKeys(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, isOn);
}

export type SingleKey = "?" | "n" | "/" | "m" | "," | "b" | "j" | "k";

/** Calls `act` for a single key, and `onPalette` for Ctrl or Cmd + K. */
export function useShortcuts(act: (key: SingleKey) => void, onPalette: () => void): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.isComposing || event.defaultPrevented || event.repeat) return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        onPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || !isOn() || isTyping(event.target)) return;
      if (!"?n/m,bjk".includes(event.key) || event.key.length !== 1) return;
      event.preventDefault();
      act(event.key as SingleKey);
    }
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [act, onPalette]);
}

/** Where a letter means itself: a field, a menu, anything in front of the page. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], [role=menu], dialog") !== null;
}

/** Puts the focus on the next message, or the one before. */
export function moveToMessage(step: 1 | -1): void {
  const items = [...document.querySelectorAll<HTMLElement>("[data-item]")];
  const at = items.findIndex((item) => item.contains(document.activeElement));
  const next = at < 0 ? items.at(-1) : items[at + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "start" });
}

export function writeMessage(): void {
  document.querySelector<HTMLTextAreaElement>("main textarea")?.focus();
}
