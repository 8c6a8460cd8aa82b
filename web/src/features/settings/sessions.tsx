// Where the person is signed in, and signing out there.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Laptop } from "lucide-react";
import { account } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { sessionsQuery } from "../../api/queries";
import "../../i18n/settings";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";

export function SessionsPage() {
  const list = useQuery(sessionsQuery);
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const end = useMutation({ mutationFn: account.endSession, onSettled });
  const endOthers = useMutation({ mutationFn: account.endOtherSessions, onSettled });
  const items = [...(list.data?.items ?? [])].sort((a, b) => Number(b.current) - Number(a.current));
  const problem = end.error ?? endOthers.error;
  return (
    <>
      <Heading title={t("settings.sessions")} site={t("brand")} />
      <p className="mt-2 mb-6 text-ink-2">{t("sessions.lead")}</p>
      <Section title={t("sessions.list")}>
        {list.isPending && <Skeleton label={t("loading")} />}
        {list.isError && <ProblemNotice problem={problemOf(list.error)} />}
        {problem && <ProblemNotice problem={problemOf(problem)} className="mb-3" />}
        <ul>
          {items.map((session) => (
            <li key={session.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-3 first:border-t">
              <Laptop aria-hidden className="size-4.5 text-ink-3" />
              <div className="min-w-0 flex-1">
                <p className="font-medium">{session.agent || t("sessions.unknown")}</p>
                <p className="text-[13.5px] text-ink-2">
                  {session.current ? t("sessions.this") : t("sessions.last_used")} <When at={session.last_used} />
                </p>
              </div>
              {!session.current && (
                <Button isBusy={end.isPending && end.variables === session.id} onClick={() => end.mutate(session.id)}>
                  {t("sessions.end")}
                </Button>
              )}
            </li>
          ))}
        </ul>
        {items.length > 1 && (
          <Button look="danger" isBusy={endOthers.isPending} onClick={() => endOthers.mutate()} className="mt-4">
            {t("sessions.end_others")}
          </Button>
        )}
      </Section>
    </>
  );
}
