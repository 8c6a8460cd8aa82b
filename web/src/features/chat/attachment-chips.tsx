// The files that go along with the next message, above the field in which it is written.
import { FileText, RotateCcw, X } from "lucide-react";
import { attachmentUrl } from "../../api/attachments";
import "../../i18n/attachments";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { dataSize } from "../../ui/quantity";
import { type Item, mayPass, type Uploads } from "./uploads";

export default function AttachmentChips({ items, uploads }: { items: readonly Item[]; uploads: Uploads }) {
  return (
    <ul aria-label={t("attach.list")} className="flex max-h-48 flex-wrap gap-2 overflow-y-auto px-3 pt-3">
      {items.map((item) => (
        <Chip key={item.key} item={item} uploads={uploads} />
      ))}
    </ul>
  );
}

function Chip({ item, uploads }: { item: Item; uploads: Uploads }) {
  const { name, state, share, problem, file } = item;
  const isOnItsWay = state === "waiting" || state === "sending";
  return (
    <li data-state={state} className={`flex max-w-full items-center gap-2.5 rounded-lg border py-1.5 ps-2 pe-1 ${state === "failed" ? "w-full border-bad" : "w-64 border-line"}`}>
      {file?.media_type.startsWith("image/") ? <img src={attachmentUrl(file.id)} alt="" className="size-10 shrink-0 rounded-md bg-sunken object-cover" /> : <FileText aria-hidden className="mx-2 size-6 shrink-0 text-ink-3" />}
      <span className="min-w-0 flex-1 text-[13px] leading-snug">
        <span className="block truncate font-medium" title={name}>
          {name}
        </span>
        {isOnItsWay && (
          <>
            <span className="block text-ink-2">{state === "waiting" ? t("attach.waiting") : share < 1 ? t("attach.sending", { share }) : t("attach.checking")}</span>
            <progress aria-label={t("attach.progress", { name })} max={1} value={share} className="block h-1 w-full accent-accent" />
          </>
        )}
        {file && <span className="block text-ink-2">{file.pages ? t("attach.size_and_pages", { size: dataSize(file.size), pages: file.pages }) : dataSize(file.size)}</span>}
        {problem && (
          <span role="alert" className="block">
            <span className="text-bad">{problem.title}</span> {problem.next_step}
          </span>
        )}
      </span>
      {problem && mayPass(problem) && (
        <IconButton label={t("attach.again", { name })} onClick={() => uploads.again(item.key)} className="size-8 shrink-0">
          <RotateCcw aria-hidden className="size-4" />
        </IconButton>
      )}
      <IconButton label={t("attach.remove", { name })} onClick={() => uploads.remove(item.key)} className="size-8 shrink-0">
        <X aria-hidden className="size-4" />
      </IconButton>
    </li>
  );
}
