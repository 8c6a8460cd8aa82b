// A boxed sentence: something to know, or something that went wrong and what to do about it.
import clsx from "clsx";
import { CircleAlert, Info } from "lucide-react";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** What was kept, what to do: each on its own line. */
  lines?: Array<string | undefined | null | false>;
  /** Small print, such as an id to quote. */
  note?: string;
  isBad?: boolean;
  children?: ReactNode;
  className?: string;
}

export function Notice({ title, lines = [], note, isBad, children, className }: Props) {
  const Icon = isBad ? CircleAlert : Info;
  return (
    <div role={isBad ? "alert" : undefined} className={clsx("flex gap-3 rounded-lg border border-line p-3.5 text-[14.5px]", isBad ? "bg-bad-soft" : "bg-surface", className)}>
      <Icon aria-hidden className={clsx("mt-0.5 size-4.5 shrink-0", isBad ? "text-bad" : "text-accent")} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title}</p>
        {lines.map((line) => line && <p key={line} className="text-ink-2">{line}</p>)}
        {note && <p className="mt-1 font-mono text-[12px] text-ink-3">{note}</p>}
        {children && <div className="mt-2.5 flex flex-wrap gap-2">{children}</div>}
      </div>
    </div>
  );
}
