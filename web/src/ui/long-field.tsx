// A field for longer text with a meter: how much is written, and how much fits. Nothing is cut.
import clsx from "clsx";
import { useId } from "react";
import "../i18n/settings";
import { t } from "../i18n/t";
import { count } from "./quantity";

interface Props {
  label: string;
  hint?: string;
  value: string;
  rows: number;
  longest: number;
  onValue: (value: string) => void;
  error?: string;
}

export function LongField({ label, hint, value, rows, longest, onValue, error }: Props) {
  const id = useId();
  const length = [...value].length;
  const isOver = length > longest;
  const wrong = error ?? (isOver ? t("field.too_long", { over: length - longest }) : undefined);
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 flex items-baseline justify-between gap-3 text-[14px] font-medium">
        {label}
        <span className={clsx("num text-[13px] font-normal", isOver ? "text-bad" : "text-ink-3")}>{t("field.meter", { length: count(length), longest: count(longest) })}</span>
      </label>
      <textarea
        id={id}
        rows={rows}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        aria-invalid={wrong ? true : undefined}
        aria-describedby={[hint && `${id}-hint`, wrong && `${id}-error`].filter(Boolean).join(" ") || undefined}
        className="tap w-full rounded-md border border-line-strong bg-surface px-3 py-2 text-[15px] text-ink focus-visible:outline-offset-0 aria-[invalid=true]:border-bad"
      />
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-[13.5px] text-ink-2">
          {hint}
        </p>
      )}
      {wrong && (
        <p id={`${id}-error`} className="mt-1 text-[13.5px] text-bad">
          {wrong}
        </p>
      )}
    </div>
  );
}
