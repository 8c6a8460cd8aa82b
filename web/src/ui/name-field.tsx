// A name that is given in place. Enter and leaving the field keep it, Escape does not.
import { useEffect, useRef, useState } from "react";

interface Props {
  value: string;
  label: string;
  longest: number;
  /** The name, or null when it stays as it was; and whether a key ended it, or the focus that went elsewhere. */
  onDone: (name: string | null, isByKey: boolean) => void;
}

export function NameField({ value, label, longest, onDone }: Props) {
  const [name, setName] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const isDone = useRef(false);
  useEffect(() => {
    // The menu gives the focus back to its button first.
    const frame = requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.select();
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  function finish(given: string | null, isByKey: boolean) {
    if (isDone.current) return;
    isDone.current = true;
    onDone(given, isByKey);
  }
  return (
    <input
      ref={input}
      value={name}
      maxLength={longest}
      aria-label={label}
      onChange={(event) => setName(event.target.value)}
      onBlur={() => finish(name.trim() || null, false)}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Enter") finish(name.trim() || null, true);
        if (event.key === "Escape") finish(null, true);
      }}
      className="tap w-full rounded-md border border-accent bg-surface px-2 py-1 text-[14.5px]"
    />
  );
}
