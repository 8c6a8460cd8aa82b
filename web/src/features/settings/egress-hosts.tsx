// The hosts that the person's assistant may speak to: where each comes from, adding one, taking one away.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Globe } from "lucide-react";
import { type FormEvent, useState } from "react";
import "../../i18n/settings";
import { egress } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { egressHostsQuery } from "../../api/queries";
import type { EgressHost } from "../../api/types";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";
import { showToast } from "../../ui/toast";

export function EgressHosts() {
  const list = useQuery(egressHostsQuery);
  return (
    <Section title={t("egress.hosts")} hint={t("egress.hosts.lead")}>
      {list.isPending && <Skeleton label={t("loading")} />}
      {list.isError && (
        <ProblemNotice problem={problemOf(list.error)}>
          <Button isBusy={list.isFetching} onClick={() => void list.refetch()}>
            {t("failure.again")}
          </Button>
        </ProblemNotice>
      )}
      {list.data && <List hosts={list.data.items} />}
      <Add />
    </Section>
  );
}

function List({ hosts }: { hosts: EgressHost[] }) {
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: egressHostsQuery.queryKey });
  const remove = useMutation({
    mutationFn: ({ host, port }: EgressHost) => egress.disallow(host, port),
    onSuccess: (_, gone) => showToast({ text: t("egress.hosts.removed", { host: gone.host }), action: { label: t("undo"), act: () => void putBack(gone) } }),
    onSettled: refresh,
  });

  async function putBack({ host, port }: EgressHost) {
    try {
      await egress.allow(host, port);
      showToast({ text: t("egress.hosts.back", { host }) });
    } catch (error) {
      showToast({ text: t("egress.hosts.back.failed", { host, problem: problemOf(error).title }) });
    }
    await refresh();
  }

  if (hosts.length === 0) return <p className="text-ink-2">{t("egress.hosts.none")}</p>;
  return (
    <>
      {remove.error && <ProblemNotice problem={problemOf(remove.error)} kept={t("egress.hosts.kept")} className="mb-3" />}
      <ul aria-label={t("egress.hosts.list")}>
        {hosts.map((one) => (
          <li key={`${one.host}:${one.port}`} className="flex items-center gap-3 border-b border-line py-2.5 first:border-t">
            <Globe aria-hidden className="size-4.5 shrink-0 text-ink-3" />
            <div className="min-w-0 flex-1">
              <p className="font-mono text-[13.5px]">
                {one.host}
                {one.port !== 443 && `:${one.port}`}
              </p>
              <p className="text-[13.5px] text-ink-2">
                <Source of={one} />
              </p>
            </div>
            {one.from === "person" && (
              <Button look="danger" aria-label={t("egress.hosts.remove.named", { host: one.host })} isBusy={remove.isPending && remove.variables === one} onClick={() => remove.mutate(one)}>
                {t("egress.hosts.remove")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Source({ of }: { of: EgressHost }) {
  if (of.from === "provider") return t("egress.hosts.provider");
  if (!of.since) return t("egress.hosts.person");
  return (
    <>
      {t("egress.hosts.person.since")} <When at={of.since} />
    </>
  );
}

function Add() {
  const [host, setHost] = useState("");
  const [port, setPort] = useState("");
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => egress.allow(host.trim(), port ? Number(port) : undefined),
    onSuccess: () => {
      setHost("");
      setPort("");
      return queries.invalidateQueries({ queryKey: egressHostsQuery.queryKey });
    },
  });
  const problem = add.error ? problemOf(add.error) : null;
  const wrong = (field: string) => (problem?.field === field ? [problem.title, problem.next_step].filter(Boolean).join(" ") : undefined);
  const isElsewhere = problem && problem.field !== "host" && problem.field !== "port";

  function submit(event: FormEvent) {
    event.preventDefault();
    if (host.trim()) add.mutate();
  }

  return (
    <form onSubmit={submit} className="mt-6 max-w-[34rem]">
      <h3 className="text-[14.5px] font-medium">{t("egress.hosts.add")}</h3>
      <p className="mt-0.5 mb-3 text-[14.5px] text-ink-2">{t("egress.hosts.add.lead")}</p>
      {isElsewhere && <ProblemNotice problem={problem} kept={t("form.kept")} className="mb-3" />}
      <div className="flex flex-wrap items-start gap-3">
        <div className="min-w-48 flex-1">
          <Field label={t("egress.host")} inputMode="url" autoCapitalize="none" autoComplete="off" spellCheck={false} placeholder="example.org" value={host} onChange={(event) => setHost(event.target.value)} error={wrong("host")} className="font-mono text-[14px]!" />
        </div>
        <div className="w-32">
          <Field label={t("egress.hosts.port.label")} type="number" inputMode="numeric" min={1} max={65535} placeholder="443" value={port} onChange={(event) => setPort(event.target.value)} hint={t("egress.hosts.port.hint")} error={wrong("port")} />
        </div>
      </div>
      <div className="mt-3 flex items-center gap-3">
        <Button type="submit" look="main" isBusy={add.isPending} disabled={!host.trim()}>
          {t("egress.hosts.add.do")}
        </Button>
        <span role="status" className="min-w-0 text-[14px] text-ink-2">
          {add.isSuccess && !host ? t("egress.hosts.added", { host: add.data.host }) : ""}
        </span>
      </div>
    </form>
  );
}
