// How far something is, as a bar and in words.
import { useId } from "react";

export function Bar({ label, done, all, words }: { label: string; done: number; all: number; words: string }) {
  const id = useId();
  return (
    <div>
      <div className="flex flex-wrap justify-between gap-x-4 text-[14.5px]">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        <span className="num text-ink-2">{words}</span>
      </div>
      <progress id={id} value={done} max={Math.max(1, all)} className="mt-2 block h-2 w-full accent-(--accent)" />
    </div>
  );
}
