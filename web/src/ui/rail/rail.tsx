// The ledger's line: entries below each other, each with a mark that says its state.
import clsx from "clsx";
import type { ReactNode } from "react";

export type MarkState = "plain" | "done" | "live" | "wait" | "bad";

export function RailMark({ state, isSmall }: { state: MarkState; isSmall?: boolean }) {
  return <span aria-hidden className={clsx("rail-mark", state !== "plain" && `is-${state}`, isSmall && "is-small")} />;
}

interface EntryProps {
  /** Without one, the entry belongs to the mark above it. */
  mark?: MarkState;
  isSmall?: boolean;
  isFirst?: boolean;
  className?: string;
  children: ReactNode;
}

export function RailEntry({ mark, isSmall, isFirst, className, children }: EntryProps) {
  return (
    <div className={clsx("rail-entry", isFirst && "is-first", className)}>
      {mark && <RailMark state={mark} isSmall={isSmall} />}
      {children}
    </div>
  );
}
