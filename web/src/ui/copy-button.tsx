// Copies a text and says so, in place and aloud.
import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { t } from "../i18n/t";
import { IconButton } from "./button";

interface Props {
  text: string | (() => string);
  label: string;
  /** Shows a word beside the icon: "Copy", or another. */
  isNamed?: boolean;
  name?: string;
  icon?: ReactNode;
}

export function CopyButton({ text, label, isNamed, name, icon }: Props) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);

  async function copy() {
    await navigator.clipboard.writeText(typeof text === "string" ? text : text());
    setCopied(true);
  }

  return (
    <>
      <IconButton label={isCopied ? t("copy.done") : label} onClick={() => void copy().catch(() => undefined)} className="gap-1.5 px-1.5 font-sans text-[13px]">
        {isCopied ? <Check aria-hidden className="size-4 text-ok" /> : (icon ?? <Copy aria-hidden className="size-4" />)}
        {isNamed && <span aria-hidden>{isCopied ? t("copy.done") : (name ?? t("copy.do"))}</span>}
      </IconButton>
      <span role="status" className="sr-only">
        {isCopied ? t("copy.done") : ""}
      </span>
    </>
  );
}
