// The line under a message: what can be done with it, who wrote it, when, and how much it took.
import { Link2 } from "lucide-react";
import type { ReactNode } from "react";
import type { Author, Message, Usage } from "../../api/types";
import { t } from "../../i18n/t";
import { CopyButton } from "../../ui/copy-button";
import { count } from "../../ui/quantity";
import { When } from "../../ui/time";

export function Receipt({ message, children }: { message: Message; children?: ReactNode }) {
  const author = authorName(message.author);
  const tokens = message.usage ? message.usage.input + message.usage.output + message.usage.cache_read + message.usage.cache_write : 0;
  const used = message.usage;
  return (
    <div className="mt-1 -ms-1.5 flex flex-wrap items-center gap-x-2.5 text-[12.5px] text-ink-3">
      {message.text && <CopyButton text={message.text} label={message.role === "user" ? t("message.copy.yours") : t("message.copy")} />}
      <CopyButton text={() => new URL(`#${message.id}`, location.href).href} label={t("message.copy.link")} icon={<Link2 aria-hidden className="size-4" />} />
      {children}
      {author && <span>{author}</span>}
      {author && <span aria-hidden>·</span>}
      <When at={message.created} />
      {used && tokens > 0 && (
        <>
          <span aria-hidden>·</span>
          <span className="num" title={t("message.tokens.detail", { input: used.input, output: used.output, read: used.cache_read, written: used.cache_write, share: fromCache(used) })}>
            {t("message.tokens", { tokens: count(tokens) })}
          </span>
        </>
      )}
    </div>
  );
}

/** Which part of what the model read came from the provider's cache. */
function fromCache({ input, cache_read, cache_write }: Usage): number {
  return cache_read / Math.max(1, input + cache_read + cache_write);
}

function authorName(author: Author): string | null {
  if (author.kind === "builtin") return t("message.builtin");
  if (author.kind === "model") return author.model || author.provider;
  return null;
}
