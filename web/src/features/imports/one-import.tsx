// One import, in whatever state it is.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type Import, imports, importsQuery } from "../../api/imports";
import { problemOf } from "../../api/problem";
import "../../i18n/imports";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Notice } from "../../ui/notice";
import { ProblemNotice } from "../../ui/problem-notice";
import { count, dataSize } from "../../ui/quantity";
import { When } from "../../ui/time";
import { Bar } from "./bar";
import { Preview } from "./preview";
import { serviceName } from "./service-name";

interface Props {
  one: Import;
  chatsLink: (children: ReactNode) => ReactNode;
}

const BOX = "rounded-lg border border-line bg-surface px-4 py-3.5 text-[14.5px]";

export function OneImport({ one, chatsLink }: Props) {
  switch (one.state) {
    case "receiving":
      return (
        <Notice title={t("imports.half")} lines={[t("imports.half.next", { received: dataSize(one.received), size: dataSize(one.size) })]}>
          <Remove one={one} label={t("imports.discard")} />
        </Notice>
      );
    case "checking":
      return (
        <div className={BOX} role="status">
          <p className="font-medium">{t("imports.checking")}</p>
          <p className="text-ink-2">{t("imports.checking.found", { chats: one.preview.chats + one.preview.known })}</p>
        </div>
      );
    case "failed":
      return (
        <ProblemNotice problem={one.problem ?? { title: t("imports.failed") }} kept={t("imports.failed.kept")}>
          <Remove one={one} label={t("imports.put_away")} />
        </ProblemNotice>
      );
    case "ready":
      return <Preview one={one} discard={<Remove one={one} label={t("imports.discard")} />} />;
    case "running":
      return (
        <div className={BOX}>
          <Bar label={t("imports.running", { service: serviceName(one.preview.service) })} done={one.taken} all={one.wanted} words={t("imports.taken", { taken: count(one.taken), wanted: count(one.wanted) })} />
          <p className="mt-2 text-ink-2">{t("imports.running.close")}</p>
          <Stop one={one} />
        </div>
      );
    case "removing":
      return (
        <p className={BOX} role="status">
          {t("imports.removing")}
        </p>
      );
    default:
      return (
        <div className={BOX}>
          <p className="font-medium">{t("imports.done", { chats: one.taken, service: serviceName(one.preview.service) })}</p>
          <p className="text-[13.5px] text-ink-2">
            <When at={one.created} />
          </p>
          <p className="mt-2">{chatsLink(t("imports.done.chats"))}</p>
          <div className="mt-3">
            <Remove one={one} label={t("imports.remove")} isAsked />
          </div>
        </div>
      );
  }
}

/** An import with chats is removed only after a question. */
function Remove({ one, label, isAsked }: { one: Import; label: string; isAsked?: boolean }) {
  const [isAsking, setAsking] = useState(false);
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => imports.remove(one.id),
    onSettled: () => {
      setAsking(false);
      return queries.invalidateQueries({ queryKey: importsQuery.queryKey });
    },
  });
  const mustAsk = isAsked || one.taken > 0;
  return (
    <>
      <Button look={mustAsk ? "danger" : "plain"} isBusy={remove.isPending} onClick={() => (mustAsk ? setAsking(true) : remove.mutate())}>
        {mustAsk ? t("imports.remove") : label}
      </Button>
      {mustAsk && (
        <Dialog isOpen={isAsking} title={t("imports.remove.ask", { chats: one.taken })} confirm={t("imports.remove.do")} cancel={t("cancel")} isBusy={remove.isPending} onConfirm={() => remove.mutate()} onClose={() => setAsking(false)}>
          {t("imports.remove.why")}
        </Dialog>
      )}
      {remove.isError && <ProblemNotice problem={problemOf(remove.error)} kept={t("imports.remove.kept")} className="mt-3" />}
    </>
  );
}

function Stop({ one }: { one: Import }) {
  const queries = useQueryClient();
  const stop = useMutation({
    mutationFn: () => imports.stop(one.run ?? ""),
    onSettled: () => queries.invalidateQueries({ queryKey: importsQuery.queryKey }),
  });
  return (
    <>
      <Button className="mt-3" isBusy={stop.isPending} onClick={() => stop.mutate()}>
        {t("imports.stop")}
      </Button>
      {stop.isError && <ProblemNotice problem={problemOf(stop.error)} className="mt-3" />}
    </>
  );
}
