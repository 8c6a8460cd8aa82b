// The person's own process: what stands around it, and stopping it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { space } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { spaceQuery } from "../../api/queries";
import "../../i18n/settings";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";
import { Level } from "./walls-level";

export function SpacePage({ wallsLink }: { wallsLink: ReactNode }) {
  const state = useQuery(spaceQuery);
  return (
    <>
      <Heading title={t("settings.space")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("space.lead")}</p>
      <Stop />
      <Section title={t("space.walls.title")}>
        {state.isPending && <Skeleton label={t("loading")} />}
        {state.isError && <ProblemNotice problem={problemOf(state.error)} />}
        {state.data && (
          <>
            <Level space={state.data} />
            <p className="mt-4">{wallsLink}</p>
            <dl className="mt-6 grid gap-x-6 text-[14px] sm:grid-cols-[auto_1fr] sm:gap-y-1 max-sm:[&>dd]:mb-2">
              <dt className="text-ink-3">{t("space.server")}</dt>
              <dd className="font-mono text-[13px]">{state.data.server}</dd>
              <dt className="text-ink-3">{t("space.started")}</dt>
              <dd>
                <When at={state.data.started} />
              </dd>
              <dt className="text-ink-3">{t("space.version")}</dt>
              <dd className="num">{state.data.version}</dd>
            </dl>
          </>
        )}
      </Section>
    </>
  );
}

function Stop() {
  const [isAsking, setAsking] = useState(false);
  const queries = useQueryClient();
  const stop = useMutation({
    mutationFn: space.stop,
    onSettled: () => setAsking(false),
    onSuccess: () => queries.removeQueries({ queryKey: spaceQuery.queryKey, type: "inactive" }),
  });
  return (
    <Section title={t("space.stop.title")} hint={t("space.stop.lead")}>
      <Button look="danger" isBusy={stop.isPending} onClick={() => setAsking(true)}>
        {t("space.stop.do")}
      </Button>
      <p role="status" className="mt-2 text-[14.5px] text-ink-2">
        {stop.isSuccess ? t("space.stop.done") : ""}
      </p>
      {stop.error && <ProblemNotice problem={problemOf(stop.error)} className="mt-2" />}
      <Dialog isOpen={isAsking} title={t("space.stop.title")} confirm={t("space.stop.do")} cancel={t("cancel")} isBusy={stop.isPending} onConfirm={() => stop.mutate()} onClose={() => setAsking(false)}>
        <p>{t("space.stop.ask")}</p>
      </Dialog>
    </Section>
  );
}
