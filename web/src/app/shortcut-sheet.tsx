// The list of keys, and the switch for those that are single letters.
import { X } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import "../i18n/palette";
import { type Key, t } from "../i18n/t";
import { IconButton } from "../ui/button";
import { setSingleKeys, useSingleKeys } from "./shortcuts";

const COMMAND = typeof navigator !== "undefined" && /Mac|iP(?:hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";

const ALWAYS: ReadonlyArray<readonly [keys: string, what: Key]> = [
  [`${COMMAND} K`, "shortcuts.palette"],
  ["Enter", "shortcuts.send"],
  ["Shift Enter", "shortcuts.line"],
  ["↑", "shortcuts.edit"],
  ["Esc", "shortcuts.escape"],
];
const SINGLE: ReadonlyArray<readonly [keys: string, what: Key]> = [
  ["N", "shortcuts.n"],
  ["/", "shortcuts.write"],
  ["J", "shortcuts.j"],
  ["K", "shortcuts.k"],
  ["M", "shortcuts.m"],
  [",", "shortcuts.comma"],
  ["B", "shortcuts.b"],
  ["?", "shortcuts.question"],
];

export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const isOn = useSingleKeys();
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      className="m-auto max-h-[88dvh] w-[min(94vw,30rem)] overflow-y-auto rounded-xl border border-line bg-surface p-5 text-ink shadow-lift backdrop:bg-[oklch(0.12_0.01_190/0.55)]"
    >
      <div className="flex items-center justify-between gap-3">
        <h2 id={id} className="title text-[20px]">
          {t("shortcuts.title")}
        </h2>
        <IconButton label={t("shell.close")} onClick={() => dialog.current?.close()}>
          <X aria-hidden className="size-5" />
        </IconButton>
      </div>
      <Keys title={t("shortcuts.always")} keys={ALWAYS} />
      <Keys title={t("shortcuts.single")} keys={SINGLE} isOff={!isOn} />
      <label className="tap mt-4 flex items-start gap-3 border-t border-line pt-4">
        <input type="checkbox" checked={isOn} onChange={(event) => setSingleKeys(event.target.checked)} className="mt-1 size-4.5 shrink-0 accent-(--accent)" />
        <span>
          <span className="block font-medium">{t("shortcuts.on")}</span>
          <span className="block text-[13.5px] text-ink-2">{t("shortcuts.on.hint")}</span>
        </span>
      </label>
    </dialog>
  );
}

function Keys({ title, keys, isOff }: { title: string; keys: typeof ALWAYS; isOff?: boolean }) {
  return (
    <section aria-label={title} className="mt-4">
      <h3 className="text-[13.5px] text-ink-3">{title}</h3>
      <dl className={isOff ? "line-through decoration-ink-3" : undefined}>
        {keys.map(([key, what]) => (
          <div key={key} className="flex items-baseline justify-between gap-4 border-b border-line py-1.5 last:border-b-0">
            <dt className="text-[14.5px]">{t(what)}</dt>
            <dd className="flex shrink-0 gap-1">
              {key.split(" ").map((one) => (
                <kbd key={one} className="rounded-sm border border-line bg-sunken px-1.5 py-0.5 text-[12.5px]">
                  {one}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
