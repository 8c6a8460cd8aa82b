// The ways to connect an AI provider: paste a key, take a model server that runs here, or set a variable.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RefreshCw, Server } from "lucide-react";
import { type FormEvent, useState } from "react";
import { provider } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery, providerQuery } from "../../api/queries";
import type { LocalServer } from "../../api/types";
import "../../i18n/provider";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";

export function ConnectProvider() {
  const state = useQuery(providerQuery);
  const account = useQuery(accountQuery);
  return (
    <div className="flex flex-col gap-4">
      <KeyForm />
      {state.data && <LocalServers servers={state.data.local} isAdministrator={account.data?.administrator === true} isChecking={state.isFetching} onCheck={() => void state.refetch()} />}
      {account.data?.administrator && (
        <div>
          <h3 className="text-[14.5px] font-medium">{t("provider.environment.title")}</h3>
          <p className="mt-0.5 text-[14.5px] text-ink-2">
            <code className="mt-1 mb-1.5 block w-fit max-w-full rounded-sm border border-line bg-sunken px-1.5 py-0.5 text-[12.5px] text-ink">ANTHROPIC_API_KEY=sk-ant-… make run</code>
            {t("provider.environment.lead")}
          </p>
        </div>
      )}
    </div>
  );
}

function KeyForm() {
  const [key, setKey] = useState("");
  const queries = useQueryClient();
  const connect = useMutation({
    mutationFn: provider.connect,
    onSuccess: (state) => {
      setKey("");
      queries.setQueryData(providerQuery.queryKey, state);
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (key.trim()) connect.mutate(key.trim());
  }
  return (
    <form onSubmit={submit}>
      <div className="flex flex-wrap items-end gap-2">
        <div className="min-w-56 flex-1">
          <Field label={t("provider.key.label")} type="password" autoComplete="off" spellCheck={false} placeholder="sk-ant-…" value={key} onChange={(event) => setKey(event.target.value)} className="font-mono text-[14px]!" />
        </div>
        <Button type="submit" look="main" isBusy={connect.isPending} disabled={!key.trim()} className="min-h-10">
          {connect.isPending ? t("provider.key.testing") : t("provider.key.connect")}
        </Button>
      </div>
      <p className="mt-1.5 text-[13.5px] text-ink-2">{t("provider.key.hint")}</p>
      {connect.error && <ProblemNotice problem={problemOf(connect.error)} kept={t("provider.key.kept")} className="mt-3" />}
    </form>
  );
}

interface LocalProps {
  servers: LocalServer[];
  isAdministrator: boolean;
  isChecking: boolean;
  onCheck: () => void;
}

function LocalServers({ servers, isAdministrator, isChecking, onCheck }: LocalProps) {
  const queries = useQueryClient();
  const choose = useMutation({
    mutationFn: ({ url, model }: { url: string; model: string }) => provider.chooseLocal(url, model),
    onSuccess: () => queries.invalidateQueries({ queryKey: providerQuery.queryKey }),
  });
  return (
    <div>
      <div className="flex items-center gap-2">
        <h3 className="flex-1 text-[14.5px] font-medium">{t("provider.local.title")}</h3>
        <Button look="bare" className="-me-3.5" isBusy={isChecking} icon={<RefreshCw aria-hidden className="size-4" />} onClick={onCheck}>
          {t("provider.local.check")}
        </Button>
      </div>
      {servers.length === 0 && <p className="text-[14.5px] text-ink-2">{t("provider.local.none")}</p>}
      <ul>
        {servers.map((server) => (
          <li key={server.url} className="py-1">
            <p className="flex items-center gap-2 text-[14.5px]">
              <Server aria-hidden className="size-4 text-ink-3" />
              {server.name} <span className="font-mono text-[12.5px] text-ink-3">{server.url}</span>
            </p>
            {isAdministrator ? (
              <div className="mt-2 flex flex-wrap gap-2">
                {server.models?.map((model) => (
                  <Button key={model} isBusy={choose.isPending} onClick={() => choose.mutate({ url: server.url, model })}>
                    {t("provider.local.use", { model })}
                  </Button>
                ))}
                {!server.models?.length && <p className="text-[14px] text-ink-2">{t("provider.local.empty")}</p>}
              </div>
            ) : (
              <p className="mt-1 text-[14px] text-ink-2">{t("provider.local.administrator")}</p>
            )}
          </li>
        ))}
      </ul>
      {choose.error && <ProblemNotice problem={problemOf(choose.error)} className="mt-2" />}
    </div>
  );
}
