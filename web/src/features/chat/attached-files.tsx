// The files that came with a message: pictures to look at, everything else to be stored.
import { ChevronRight, Download, FileText, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { attachmentUrl } from "../../api/attachments";
import type { Attachment } from "../../api/types";
import "../../i18n/attachments";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";
import { dataSize } from "../../ui/quantity";

interface Props {
  files: readonly Attachment[];
  /** Takes one of them away from the next version of the message. */
  onRemove?: (id: string) => void;
}

export default function AttachedFiles({ files, onRemove }: Props) {
  const pictures = files.filter((file) => file.media_type.startsWith("image/"));
  const [at, setAt] = useState<number | null>(null);
  const remove = (file: Attachment) =>
    onRemove && (
      <IconButton label={t("attach.remove", { name: file.name })} onClick={() => onRemove(file.id)} className="absolute end-1 top-1 size-7 rounded-full border border-line bg-surface">
        <X aria-hidden className="size-4" />
      </IconButton>
    );
  return (
    <>
      <ul aria-label={t("attach.files")} className="mb-2 flex flex-wrap items-end gap-2">
        {files.map((file) => {
          const picture = pictures.indexOf(file);
          return (
            <li key={file.id} className="relative max-w-full">
              {picture >= 0 ? (
                <button type="button" onClick={() => setAt(picture)} aria-label={t("attach.open", { name: file.name })} title={file.name} className="block overflow-hidden rounded-lg border border-line bg-sunken hover:border-accent">
                  <img src={attachmentUrl(file.id)} alt="" width={file.width ?? undefined} height={file.height ?? undefined} loading="lazy" decoding="async" className="h-36 w-auto max-w-full min-w-16 object-cover" />
                </button>
              ) : (
                <a href={attachmentUrl(file.id)} download={file.name} aria-label={t("attach.download", { name: file.name })} className={`tap flex max-w-72 items-center gap-2.5 rounded-lg border border-line bg-surface px-3 py-2 text-[14px] hover:border-accent ${onRemove ? "pe-10" : ""}`}>
                  <FileText aria-hidden className="size-5 shrink-0 text-ink-3" />
                  <span className="min-w-0">
                    <span className="block truncate font-medium" title={file.name}>
                      {file.name}
                    </span>
                    <span className="block text-[12.5px] text-ink-2">{file.pages ? t("attach.size_and_pages", { size: dataSize(file.size), pages: file.pages }) : dataSize(file.size)}</span>
                  </span>
                </a>
              )}
              {remove(file)}
            </li>
          );
        })}
      </ul>
      {at !== null && <Viewer pictures={pictures} at={at} onMove={setAt} onClose={() => setAt(null)} />}
    </>
  );
}

/** One picture, as large as the window; arrows lead to the others, Escape leads back. */
function Viewer({ pictures, at, onMove, onClose }: { pictures: readonly Attachment[]; at: number; onMove: (at: number) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const picture = pictures[at];
  if (!picture) return null;
  const move = (by: number) => onMove((at + by + pictures.length) % pictures.length);
  function onKeyDown(event: KeyboardEvent) {
    if (pictures.length > 1 && event.key === "ArrowLeft") move(-1);
    if (pictures.length > 1 && event.key === "ArrowRight") move(1);
  }
  return (
    <dialog
      ref={dialog}
      aria-label={picture.name}
      onClose={onClose}
      onKeyDown={onKeyDown}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current.close();
      }}
      className="m-auto max-h-[98dvh] max-w-[98vw] overflow-hidden rounded-xl border border-line bg-surface p-0 text-ink shadow-lift backdrop:bg-[oklch(0.12_0.01_190/0.8)]"
    >
      <div className="flex flex-col p-2">
        <div className="flex items-center gap-1 pb-2 ps-2">
          <h2 className="min-w-0 flex-1 truncate text-[14px] font-medium">{picture.name}</h2>
          {pictures.length > 1 && (
            <>
              <IconButton label={t("attach.previous")} onClick={() => move(-1)} className="size-9">
                <ChevronRight aria-hidden className="size-5 rotate-180" />
              </IconButton>
              <span role="status" className="num text-[13px] text-ink-2">
                {t("attach.place", { at: at + 1, all: pictures.length })}
              </span>
              <IconButton label={t("attach.next")} onClick={() => move(1)} className="size-9">
                <ChevronRight aria-hidden className="size-5" />
              </IconButton>
            </>
          )}
          <a href={attachmentUrl(picture.id)} download={picture.name} aria-label={t("attach.download", { name: picture.name })} title={t("attach.download", { name: picture.name })} className="tap inline-flex size-9 items-center justify-center rounded-md text-ink-2 hover:bg-sunken hover:text-ink">
            <Download aria-hidden className="size-4.5" />
          </a>
          <IconButton label={t("attach.close")} onClick={() => dialog.current?.close()} className="size-9">
            <X aria-hidden className="size-5" />
          </IconButton>
        </div>
        <img key={picture.id} src={attachmentUrl(picture.id)} alt={picture.name} width={picture.width ?? undefined} height={picture.height ?? undefined} className="h-auto max-h-[84dvh] w-auto max-w-[94vw] rounded-md bg-sunken object-contain" />
      </div>
    </dialog>
  );
}
