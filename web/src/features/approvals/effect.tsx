// What exactly a line would do: each piece with its exact text, which may be changed where it is plain text.
import { useId } from "react";
import type { ApprovalLine } from "../../api/types";

interface Props {
  line: ApprovalLine;
  /** The pieces that the person has changed, by argument; null while nothing is being changed. */
  edits: Record<string, string> | null;
  onEdit: (field: string, text: string) => void;
}

export function Effect({ line, edits, onEdit }: Props) {
  const id = useId();
  if (line.details.length === 0) return null;
  return (
    <dl className="mt-1.5 flex flex-col gap-1.5">
      {line.details.map(({ name, text, field }, at) => {
        const isLong = text.includes("\n") || text.length > 80;
        const label = `${id}${at}`;
        return (
          <div key={name} className={isLong || edits ? "" : "flex flex-wrap items-baseline gap-x-2"}>
            <dt id={label} className="text-[13px] text-ink-2">
              {name}
            </dt>
            <dd className="min-w-0">
              {edits && field ? (
                <textarea aria-labelledby={label} rows={isLong ? 5 : 1} value={edits[field] ?? text} onChange={(event) => onEdit(field, event.target.value)} className="tap w-full rounded-md border border-line-strong bg-surface px-3 py-2 font-mono text-[13.5px]" />
              ) : isLong ? (
                <pre tabIndex={0} aria-labelledby={label} role="group" className="mt-0.5 max-h-60 overflow-auto rounded-md border border-line bg-surface px-3 py-2 text-[13.5px] break-words whitespace-pre-wrap">
                  {text}
                </pre>
              ) : (
                <code className="text-[13.5px] break-all">{text}</code>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
