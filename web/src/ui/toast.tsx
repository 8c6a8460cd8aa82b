// Short messages at the edge of the page, each with at most one thing to do: mostly "Undo".
import { X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { IconButton } from "./button";

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; act: () => void };
}

/** Long enough to read, think and reach the button. */
const SHOWN_FOR = 10_000;

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export function showToast(toast: Omit<Toast, "id">): void {
  set([...toasts.slice(-2), { ...toast, id: nextId++ }]);
}

export function closeToast(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

export function Toasts({ label, close }: { label: string; close: string }) {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <section aria-label={label} aria-live="polite" className="pointer-events-none fixed inset-x-0 top-13 z-40 flex flex-col items-center gap-2 p-3 md:items-end">
      {shown.map((toast) => (
        <One key={toast.id} toast={toast} close={close} />
      ))}
    </section>
  );
}

function One({ toast, close }: { toast: Toast; close: string }) {
  const [isHeld, setHeld] = useState(false);
  const left = useRef(SHOWN_FOR);
  useEffect(() => {
    if (isHeld) return;
    const started = performance.now();
    const timer = setTimeout(() => closeToast(toast.id), left.current);
    return () => {
      clearTimeout(timer);
      left.current = Math.max(2000, left.current - (performance.now() - started));
    };
  }, [isHeld, toast.id]);
  return (
    <div
      className="pointer-events-auto flex w-full max-w-md items-center gap-2 rounded-lg border border-line bg-surface py-1.5 ps-4 pe-1.5 text-[14.5px] shadow-lift"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span className="min-w-0 flex-1">{toast.text}</span>
      {toast.action && (
        <button
          type="button"
          className="tap rounded-md px-3 font-semibold text-accent hover:bg-sunken"
          onClick={() => {
            toast.action?.act();
            closeToast(toast.id);
          }}
        >
          {toast.action.label}
        </button>
      )}
      <IconButton label={close} onClick={() => closeToast(toast.id)}>
        <X aria-hidden className="size-4" />
      </IconButton>
    </div>
  );
}
