// A formula on the page: as it was written until the part that draws it has come.
import clsx from "clsx";
import { memo, type ReactNode, useMemo, useSyncExternalStore } from "react";

type Draw = (tex: string, isDisplay: boolean) => ReactNode;

let draw: Draw | null = null;
let isAsked = false;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!isAsked) {
    isAsked = true;
    import("./maths").then(
      (part) => {
        draw = part.formula;
        for (const one of listeners) one();
      },
      () => {
        isAsked = false; // Offline: the next formula tries again, and this one stays readable.
      },
    );
  }
  return () => listeners.delete(listener);
}

interface Props {
  tex: string;
  /** As it was written, with its signs. */
  source: string;
  isDisplay: boolean;
}

export const Formula = memo(function Formula({ tex, source, isDisplay }: Props) {
  const drawn = useSyncExternalStore(subscribe, () => draw, () => draw);
  const shown = useMemo(() => (tex && drawn ? drawn(tex, isDisplay) : null), [drawn, tex, isDisplay]);
  if (!shown) return <code className={clsx("md-tex", isDisplay && "is-display")}>{source.trim()}</code>;
  return isDisplay ? (
    <span className="md-maths" tabIndex={0}>
      {shown}
    </span>
  ) : (
    shown
  );
});
