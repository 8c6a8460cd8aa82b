// The line under a message: what can be done with it, who wrote it, and when.
import { Link2 } from "lucide-react";
import type { ReactNode } from "react";
import type { Author, Message } from "../../api/types";
import { t } from "../../i18n/t";
import { CopyButton } from "../../ui/copy-button";
import { When } from "../../ui/time";

export function Receipt({ message, children }: { message: Message; children?: ReactNode }) {
  const author = authorName(message.author);
  return (
    <div className="mt-1 -ms-1.5 flex flex-wrap items-center gap-x-2.5 text-[12.5px] text-ink-3">
      {message.text && <CopyButton text={message.text} label={message.role === "user" ? t("message.copy.yours") : t("message.copy")} />}
      <CopyButton text={() => new URL(`#${message.id}`, location.href).href} label={t("message.copy.link")} icon={<Link2 aria-hidden className="size-4" />} />
      {children}
      <span className="flex items-center gap-x-2.5 ps-1.5 whitespace-nowrap">
        {author && <span>{author}</span>}
        {author && <span aria-hidden>·</span>}
        <When at={message.created} />
      </span>
    </div>
  );
}

function authorName(author: Author): string | null {
  if (author.kind === "builtin") return t("message.builtin");
  if (author.kind === "model") return author.model || author.provider;
  if (author.kind === "imported") return author.model ?? author.service;
  return null;
}
