// How a page opens the navigation where there is no room for a sidebar.
import { createContext, createElement, type ReactNode, use } from "react";

const Context = createContext<() => void>(() => {});

export function OpenDrawer({ value, children }: { value: () => void; children: ReactNode }) {
  return createElement(Context, { value }, children);
}
OpenDrawer.use = (): (() => void) => use(Context);
