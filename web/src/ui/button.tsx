// Buttons: one loud, one quiet, one bare; and the small one that is only an icon.
import clsx from "clsx";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

type Look = "main" | "plain" | "bare" | "danger";

const LOOKS: Record<Look, string> = {
  main: "bg-accent text-accent-ink border-transparent hover:opacity-90",
  plain: "bg-surface text-ink border-line hover:bg-sunken",
  bare: "bg-transparent text-ink-2 border-transparent hover:bg-sunken hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-soft",
};

const SHAPE =
  "tap inline-flex items-center justify-center gap-2 rounded-md border px-3.5 py-1.5 text-[14.5px] font-medium whitespace-nowrap transition-[background-color,opacity] duration-150 disabled:opacity-55";

export function buttonClass(look: Look = "plain", extra?: string): string {
  return clsx(SHAPE, LOOKS[look], extra);
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  isBusy?: boolean;
  icon?: ReactNode;
}

export function Button({ look = "plain", isBusy, icon, className, children, disabled, type = "button", ...rest }: Props) {
  return (
    <button {...rest} type={type} disabled={disabled || isBusy} aria-busy={isBusy || undefined} className={buttonClass(look, clsx("min-h-9", className))}>
      {icon}
      {children}
    </button>
  );
}

interface IconProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ label, className, children, type = "button", ...rest }: IconProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-label={label}
      title={label}
      className={clsx("tap inline-flex items-center justify-center rounded-md text-ink-2 hover:bg-sunken hover:text-ink transition-colors duration-150 disabled:opacity-55", className)}
    >
      {children}
    </button>
  );
}
