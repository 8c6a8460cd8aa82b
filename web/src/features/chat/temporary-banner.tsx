// Says that a chat is temporary, and closes it when the person leaves it or says so. A reload of the page is no leaving.
import { useQueryClient } from "@tanstack/react-query";
import { MessageCircleDashed } from "lucide-react";
import { useEffect } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { writeDraft } from "../../app/storage";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { showToast } from "../../ui/toast";

export default function TemporaryBanner({ chat, onClosed }: { chat: string; onClosed: () => void }) {
  const queries = useQueryClient();
  useEffect(
    () => () => {
      // Whether it was left is known once the next page stands in the address.
      setTimeout(() => {
        if (location.pathname.includes(chat)) return;
        writeDraft(chat, "");
        chats
          .delete(chat)
          .then(() => showToast({ text: t("temporary.closed") }))
          // One that is gone already is no news.
          .catch((error: unknown) => problemOf(error).status !== 404 && showToast({ text: t("temporary.close.failed", { problem: problemOf(error).title }) }))
          .finally(() => queries.removeQueries({ queryKey: ["chats", chat] }));
      });
    },
    [chat, queries],
  );
  return (
    <section aria-label={t("temporary.title")} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-sunken px-4 py-2 text-[14px] sm:px-6">
      <MessageCircleDashed aria-hidden className="size-4.5 shrink-0 text-ink-2" />
      <p className="min-w-0 flex-1 basis-60">
        <span className="font-medium">{t("temporary.title")}. </span>
        <span className="text-ink-2">{t("temporary.lead")}</span>
      </p>
      <Button onClick={onClosed}>{t("temporary.close")}</Button>
    </section>
  );
}
