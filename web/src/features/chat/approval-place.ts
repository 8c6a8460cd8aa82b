// How a chat shows an approval request: the shell knows the card.
import { createContext, createElement, type ReactNode, use } from "react";
import type { Approval } from "../../api/types";

type Show = (approval: Approval) => ReactNode;

const Context = createContext<Show>(() => null);

export function ApprovalPlace({ value, children }: { value: Show; children: ReactNode }) {
  return createElement(Context, { value }, children);
}
ApprovalPlace.use = (): Show => use(Context);
