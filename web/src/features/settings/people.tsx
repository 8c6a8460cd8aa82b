// For the administrator: who may make an account here, and how much those who have one use.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { people } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { installationQuery, invitationsQuery, peopleQuery } from "../../api/queries";
import type { Installation } from "../../api/types";
import "../../i18n/settings";
import { type Key, t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy-button";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { count } from "../../ui/quantity";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";

const MODES: Array<{ mode: Installation["sign_up"]; label: Key; hint: Key }> = [
  { mode: "closed", label: "people.closed", hint: "people.closed.hint" },
  { mode: "invite", label: "people.invite", hint: "people.invite.hint" },
  { mode: "open", label: "people.open", hint: "people.open.hint" },
];

/** Who has an account: tokens of this month, and the plan. */
function Members() {
  const list = useInfiniteQuery(peopleQuery);
  const queries = useQueryClient();
  const give = useMutation({
    mutationFn: ({ id, plan }: { id: string; plan: string | null }) => people.givePlan(id, plan),
    onSettled: () => queries.invalidateQueries({ queryKey: peopleQuery.queryKey }),
  });
  const first = list.data?.pages[0];
  return (
    <Section title={t("people.members")} hint={t("people.members.lead")}>
      {list.isPending && <Skeleton label={t("loading")} />}
      {list.isError && <ProblemNotice problem={problemOf(list.error)} />}
      {give.error && <ProblemNotice problem={problemOf(give.error)} kept={t("people.members.kept")} className="mb-3" />}
      {first && <p className="mb-3 text-[14.5px]">{t("people.members.total", { tokens: count(first.tokens_this_month) })}</p>}
      <ul>
        {list.data?.pages.flatMap((page) => page.items).map((member) => (
          <li key={member.id} className="flex flex-wrap items-center gap-3 border-b border-line py-2.5 first:border-t">
            <span className="min-w-0 flex-1">
              <span className="block truncate">{member.email}</span>
              <span className="num block text-[13.5px] text-ink-2">{t("people.members.tokens", { tokens: count(member.tokens_this_month) })}</span>
            </span>
            {first && first.plans.length > 0 && (
              <select
                aria-label={t("people.members.plan", { email: member.email })}
                value={member.plan ?? ""}
                disabled={give.isPending}
                onChange={(event) => give.mutate({ id: member.id, plan: event.target.value || null })}
                className="tap min-h-9 rounded-md border border-line-strong bg-surface px-2.5 py-1 text-[14.5px]"
              >
                <option value="">{t("people.members.usual", { plan: first.usual_plan ?? "" })}</option>
                {first.plans.map((plan) => (
                  <option key={plan} value={plan}>
                    {plan}
                  </option>
                ))}
              </select>
            )}
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()} className="mt-3">
          {t("people.members.more")}
        </Button>
      )}
    </Section>
  );
}

export function PeoplePage() {
  return (
    <>
      <Heading title={t("settings.people")} site={t("brand")} />
      <p className="mt-2 mb-6 text-ink-2">{t("people.lead")}</p>
      <Mode />
      <Invitations />
      <Members />
    </>
  );
}

function Mode() {
  const state = useQuery(installationQuery);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: people.changeInstallation,
    onSuccess: (changed) => queries.setQueryData(installationQuery.queryKey, changed),
  });
  const shown = change.isPending ? change.variables.sign_up : state.data?.sign_up;
  return (
    <Section title={t("people.mode")}>
      {state.isPending && <Skeleton label={t("loading")} />}
      {state.isError && <ProblemNotice problem={problemOf(state.error)} />}
      {change.error && <ProblemNotice problem={problemOf(change.error)} kept={t("people.mode.kept")} className="mb-3" />}
      {state.data && (
        <fieldset className="flex max-w-md flex-col">
          <legend className="sr-only">{t("people.mode")}</legend>
          {MODES.map(({ mode, label, hint }) => (
            <label key={mode} className="tap flex items-start gap-3 py-2">
              <input type="radio" name="sign-up" value={mode} checked={shown === mode} onChange={() => change.mutate({ sign_up: mode })} className="mt-0.5 size-4.5 shrink-0 accent-(--accent)" />
              <span>
                <span className="block font-medium">{t(label)}</span>
                <span className="block text-[14px] text-ink-2">{t(hint)}</span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
    </Section>
  );
}

function Invitations() {
  const list = useQuery(invitationsQuery);
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  const invite = useMutation({ mutationFn: people.invite, onSettled });
  const withdraw = useMutation({ mutationFn: people.withdraw, onSettled });
  const problem = invite.error ?? withdraw.error;
  const link = invite.data?.url ? new URL(invite.data.url, location.origin).href : null;
  return (
    <Section title={t("people.invitations")} hint={t("people.invitations.lead")}>
      {problem && <ProblemNotice problem={problemOf(problem)} className="mb-3" />}
      <Button isBusy={invite.isPending} onClick={() => invite.mutate()}>
        {t("people.invite.do")}
      </Button>
      {link && (
        <div role="status" className="mt-3 rounded-lg border border-line bg-accent-soft p-3">
          <p className="text-[14px]">{t("people.invite.once")}</p>
          <p className="mt-1 flex items-center gap-2">
            <code className="min-w-0 flex-1 text-[13px] break-all select-all">{link}</code>
            <CopyButton text={link} label={t("people.invite.copy")} isNamed />
          </p>
        </div>
      )}
      {list.data && list.data.items.length > 0 && (
        <ul className="mt-4">
          {list.data.items.map((invitation) => (
            <li key={invitation.id} className="flex flex-wrap items-center gap-3 border-b border-line py-2.5 first:border-t">
              <span className="min-w-0 flex-1">
                <span className="font-mono text-[13px]">{invitation.id.slice(0, 14)}</span>{" "}
                <span className="text-[13.5px] text-ink-2">
                  {invitation.used ? t("people.used") : t("people.expires")} <When at={invitation.used ?? invitation.expires} />
                </span>
              </span>
              {!invitation.used && <Button look="danger" isBusy={withdraw.isPending && withdraw.variables === invitation.id} onClick={() => withdraw.mutate(invitation.id)}>
                {t("people.withdraw")}
              </Button>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
