// A question that has to be answered before anything else, on the browser's own modal dialog.
import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./button";

interface Props {
  isOpen: boolean;
  title: string;
  children: ReactNode;
  confirm: string;
  cancel: string;
  isBusy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function Dialog({ isOpen, title, children, confirm, cancel, isBusy, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return;
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [isOpen]);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose} className="m-auto w-[min(92vw,28rem)] rounded-xl border border-line bg-surface p-5 text-ink shadow-lift backdrop:bg-[oklch(0.12_0.01_190/0.55)]">
      <h2 id={id} className="title text-[20px]">
        {title}
      </h2>
      <div className="mt-2 text-[15px] text-ink-2">{children}</div>
      <div className="mt-5 flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{cancel}</Button>
        <Button look="main" isBusy={isBusy} onClick={onConfirm}>
          {confirm}
        </Button>
      </div>
    </dialog>
  );
}
