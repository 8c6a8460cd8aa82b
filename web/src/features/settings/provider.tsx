// Which AI provider answers, and how to change that.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { provider } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery, providerQuery } from "../../api/queries";
import type { Provider } from "../../api/types";
import "../../i18n/provider";
import { type Key, t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { RailMark } from "../../ui/rail/rail";
import { Skeleton } from "../../ui/skeleton";
import { ConnectProvider } from "./connect-provider";

export function ProviderPage() {
  const state = useQuery(providerQuery);
  return (
    <>
      <Heading title={t("settings.provider")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("provider.lead")}</p>
      {state.isPending && <Skeleton label={t("loading")} />}
      {state.isError && <ProblemNotice problem={problemOf(state.error)} />}
      {state.data && <State state={state.data} />}
      <Section title={state.data?.connected ? t("provider.change") : t("provider.connect")}>
        <ConnectProvider />
      </Section>
    </>
  );
}

const SOURCES: Record<string, Key> = {
  own_key: "provider.source.own_key",
  installation: "provider.source.installation",
  environment: "provider.source.environment",
  local: "provider.source.local",
};

function State({ state }: { state: Provider }) {
  const queries = useQueryClient();
  const account = useQuery(accountQuery);
  const remove = useMutation({
    mutationFn: async () => {
      if (state.source === "local") await provider.forgetLocal();
      else await provider.remove();
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: providerQuery.queryKey }),
  });
  const canRemove = state.source === "own_key" || (state.source === "local" && account.data?.administrator === true);
  const source = SOURCES[state.source ?? ""];
  const name = state.provider === "anthropic" ? t("provider.anthropic") : state.provider ? t("provider.openai_compatible") : "";
  return (
    <Section title={t("provider.now")}>
      <div className="relative ps-6">
        <RailMark state={state.connected ? "done" : "wait"} />
        {state.connected ? (
          <>
            <p className="font-medium">{state.model ? t("provider.connected.model", { provider: name, model: state.model }) : t("provider.connected", { provider: name })}</p>
            {source && <p className="mt-0.5 text-[14.5px] text-ink-2">{t(source)}</p>}
          </>
        ) : (
          <>
            <p className="font-medium">{t("provider.none")}</p>
            <p className="mt-0.5 text-[14.5px] text-ink-2">{t("provider.none.works")}</p>
          </>
        )}
        {canRemove && (
          <Button look="danger" isBusy={remove.isPending} onClick={() => remove.mutate()} className="mt-3">
            {state.source === "own_key" ? t("provider.remove") : t("provider.local.remove")}
          </Button>
        )}
        {remove.error && <ProblemNotice problem={problemOf(remove.error)} className="mt-3" />}
      </div>
    </Section>
  );
}
