// Where a file is dropped or picked, and how far it is sent.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import clsx from "clsx";
import { FileUp } from "lucide-react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { imports, importsQuery } from "../../api/imports";
import { problemOf } from "../../api/problem";
import "../../i18n/imports";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import { dataSize } from "../../ui/quantity";
import { Bar } from "./bar";
import { send, type Upload } from "./upload";

/** `onHeld` hears whether a file is here that is not sent whole. */
export function ChooseFile({ onHeld }: { onHeld: (isHeld: boolean) => void }) {
  const queries = useQueryClient();
  const picker = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController>(null);
  const [isOver, setOver] = useState(false);
  const [sent, setSent] = useState(0);
  const [isLeaving, setLeaving] = useState(false);
  const look = () => queries.invalidateQueries({ queryKey: importsQuery.queryKey });
  const upload = useMutation({
    mutationFn: (one: Upload) => {
      stop.current = new AbortController();
      return send(one, setSent, stop.current.signal);
    },
    onMutate: () => onHeld(true),
    onSuccess: () => onHeld(false),
    onSettled: look,
  });
  useEffect(() => () => stop.current?.abort(), []);

  function choose(file: File | undefined) {
    if (!file || upload.isPending) return;
    setSent(0);
    upload.mutate({ file });
  }
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    choose(event.dataTransfer.files[0]);
  }
  async function leave(one: Upload | undefined) {
    setLeaving(true);
    stop.current?.abort();
    if (one?.id) await imports.remove(one.id).catch(() => undefined);
    upload.reset();
    onHeld(false);
    setLeaving(false);
    await look();
  }

  const { variables } = upload;
  const isStopped = upload.isError && !isLeaving;
  return (
    <>
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={clsx("rounded-lg border border-dashed px-4 py-6 text-center", isOver ? "border-accent bg-accent-soft" : "border-line-strong bg-surface")}
      >
        {upload.isPending && variables ? (
          <div className="text-start">
            <Bar label={t("imports.sending")} done={sent} all={variables.file.size} words={t("imports.sent", { sent: dataSize(sent), size: dataSize(variables.file.size) })} />
            <Button className="mt-3" onClick={() => void leave(variables)}>
              {t("imports.sending.stop")}
            </Button>
          </div>
        ) : (
          <>
            <FileUp aria-hidden className="mx-auto mb-2 size-6 text-ink-3" />
            <p className="mb-3 text-[14.5px] text-ink-2">{t("imports.drop")}</p>
            <Button look="main" onClick={() => picker.current?.click()}>
              {t("imports.choose")}
            </Button>
          </>
        )}
        <input
          ref={picker}
          type="file"
          accept=".zip,.json,application/zip,application/json"
          aria-label={t("imports.choose")}
          className="hidden"
          onChange={(event) => {
            choose(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
      </div>
      {isStopped && (
        <ProblemNotice problem={problemOf(upload.error)} kept={sent > 0 ? t("imports.sent.kept", { sent: dataSize(sent) }) : undefined} className="mt-3">
          {variables && <Button onClick={() => upload.mutate(variables)}>{t("imports.sending.again")}</Button>}
          <Button onClick={() => void leave(variables)}>{t("imports.sending.leave")}</Button>
        </ProblemNotice>
      )}
    </>
  );
}
