// Light, dark, or as the system says.
import { useSyncExternalStore } from "react";
import { read, write } from "./storage";

export type Theme = "light" | "dark" | "auto";

const listeners = new Set<() => void>();

export function theme(): Theme {
  const stored = read("theme");
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export function setTheme(next: Theme): void {
  write("theme", next === "auto" ? null : next);
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}
