// Which version of a message is shown, and the way to the others: ‹ 2/3 ›.
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect, useRef } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import type { Message } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { showToast } from "../../ui/toast";

/** The version that was asked for has another entry: the button there takes the focus over, and its place in the window. */
let wanted: { message: string; direction: "before" | "after"; top: number } | null = null;

export function Versions({ message }: { message: Message }) {
  const { siblings = [], version, versions } = message;
  const before = useRef<HTMLButtonElement>(null);
  const after = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (wanted?.message !== message.id) return;
    const buttons = wanted.direction === "before" ? [before, after] : [after, before];
    const { top } = wanted;
    wanted = null;
    const button = buttons.map((one) => one.current).find((one) => one && !one.disabled);
    button?.focus({ preventScroll: true });
    button?.closest("[role=log]")?.scrollBy({ top: button.getBoundingClientRect().top - top, behavior: "instant" });
  }, [message.id]);

  if (versions < 2) return null;

  async function show(direction: "before" | "after") {
    const id = siblings[version - 1 + (direction === "before" ? -1 : 1)];
    if (!id) return;
    wanted = { message: id, direction, top: before.current?.getBoundingClientRect().top ?? 0 };
    try {
      await chats.showVersion(message.chat, id);
    } catch (error) {
      wanted = null;
      showToast({ text: t("message.version.failed", { problem: problemOf(error).title }) });
    }
  }

  return (
    <span role="group" aria-label={t("message.versions")} className="inline-flex items-center">
      <IconButton ref={before} label={t("message.version.before")} disabled={version === 1} onClick={() => void show("before")}>
        <ChevronLeft aria-hidden className="size-4 rtl:-scale-x-100" />
      </IconButton>
      <span className="num" role="status" aria-label={t("message.version", { version, versions })}>
        {version}/{versions}
      </span>
      <IconButton ref={after} label={t("message.version.after")} disabled={version === versions} onClick={() => void show("after")}>
        <ChevronRight aria-hidden className="size-4 rtl:-scale-x-100" />
      </IconButton>
    </span>
  );
}
