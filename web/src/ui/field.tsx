// One line of a form: label, input, hint, and what is wrong with it.
import clsx from "clsx";
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";

interface Common {
  label: string;
  hint?: ReactNode;
  error?: string;
  optional?: string;
}

const INPUT =
  "tap w-full min-h-10 rounded-md border bg-surface px-3 py-2 text-[15px] text-ink focus-visible:outline-offset-0 aria-[invalid=true]:border-bad";

export function Field({ label, hint, error, optional, className, ...rest }: Common & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Frame {...{ id, label, hint, error, optional }}>
      <input {...rest} id={id} aria-invalid={error ? true : undefined} aria-describedby={describedBy(id, hint, error)} className={clsx(INPUT, "border-line-strong", className)} />
    </Frame>
  );
}

export function SelectField({ label, hint, error, optional, className, children, ...rest }: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <Frame {...{ id, label, hint, error, optional }}>
      <select {...rest} id={id} aria-invalid={error ? true : undefined} aria-describedby={describedBy(id, hint, error)} className={clsx(INPUT, "border-line-strong", className)}>
        {children}
      </select>
    </Frame>
  );
}

export function CheckField({ label, error, ...rest }: { label: ReactNode; error?: string } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div>
      <label className="tap flex items-start gap-3 py-1.5 text-[15px]">
        <input {...rest} type="checkbox" aria-invalid={error ? true : undefined} aria-describedby={error ? `${id}-error` : undefined} className="mt-0.5 size-5 shrink-0 accent-(--accent)" />
        <span>{label}</span>
      </label>
      {error && <Wrong id={`${id}-error`}>{error}</Wrong>}
    </div>
  );
}

function Frame({ id, label, hint, error, optional, children }: Common & { id: string; children: ReactNode }) {
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 flex items-baseline justify-between gap-3 text-[14px] font-medium">
        {label}
        {optional && <span className="text-[13px] font-normal text-ink-3">{optional}</span>}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="mt-1.5 text-[13.5px] text-ink-2">
          {hint}
        </p>
      )}
      {error && <Wrong id={`${id}-error`}>{error}</Wrong>}
    </div>
  );
}

function Wrong({ id, children }: { id: string; children: ReactNode }) {
  return (
    <p id={id} className="mt-1.5 text-[13.5px] text-bad">
      {children}
    </p>
  );
}

function describedBy(id: string, hint: ReactNode, error?: string): string | undefined {
  return [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
}
