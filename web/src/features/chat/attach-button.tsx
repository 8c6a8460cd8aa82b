// How files come to the next message: chosen with the paper clip, pasted into the field, or dropped anywhere in the window.
import { Paperclip } from "lucide-react";
import { type RefObject, useEffect, useRef, useState } from "react";
import "../../i18n/attachments";
import { t } from "../../i18n/t";
import { IconButton } from "../../ui/button";

interface Props {
  /** The field in which the message is written. */
  input: RefObject<HTMLTextAreaElement | null>;
  add: (files: Iterable<File>) => void;
}

export default function AttachButton({ input, add }: Props) {
  const picker = useRef<HTMLInputElement>(null);
  /** Files are held over the window. */
  const [isOver, setOver] = useState(false);
  const take = useRef(add);
  useEffect(() => {
    take.current = add;
  });
  useEffect(() => {
    const control = new AbortController();
    const { signal } = control;
    const on = (name: "dragover" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
      addEventListener(
        name,
        (event) => {
          if (event.dataTransfer?.types.includes("Files")) act(event);
        },
        { signal },
      );
    on("dragover", (event) => {
      event.preventDefault();
      setOver(true);
    });
    on("dragleave", (event) => {
      if (!event.relatedTarget) setOver(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setOver(false);
      take.current(event.dataTransfer?.files ?? []);
    });
    const onPaste = (event: ClipboardEvent) => {
      const data = event.clipboardData;
      // A table copied from a document is text and its picture; the text is meant.
      if (!data || event.target !== input.current || data.files.length === 0 || data.types.includes("text/plain")) return;
      event.preventDefault();
      take.current(data.files);
    };
    addEventListener("paste", onPaste, { signal });
    return () => control.abort();
  }, [input]);

  return (
    <>
      <IconButton label={t("attach.choose")} onClick={() => picker.current?.click()} className={isOver ? "size-9" : "me-auto size-9"}>
        <Paperclip aria-hidden className="size-4.5" />
      </IconButton>
      {isOver && (
        <p data-over="" className="me-auto text-[14.5px] font-medium text-accent">
          {t("attach.drop")}
        </p>
      )}
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          add(event.target.files ?? []);
          // The same file can be chosen again.
          event.target.value = "";
        }}
      />
    </>
  );
}
