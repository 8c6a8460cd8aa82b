// What an empty chat says: whether a model is there, how to get one, and what works in any case.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { problemOf } from "../../api/problem";
import { providerQuery } from "../../api/queries";
import "../../i18n/first";
import { type Key, t } from "../../i18n/t";
import { Heading } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { RailEntry } from "../../ui/rail/rail";
import { Skeleton } from "../../ui/skeleton";

const BUILT_IN: Key[] = ["first.builtin.remember", "first.builtin.know", "first.builtin.time", "first.builtin.forget", "first.builtin.help"];
const WITH_MODEL: Key[] = ["first.model.one", "first.model.two", "first.model.three"];

interface Props {
  name?: string | null;
  connect: ReactNode;
  onExample: (text: string) => void;
}

export function FirstSteps({ name, connect, onExample }: Props) {
  const provider = useQuery(providerQuery);
  const isConnected = provider.data?.connected;
  return (
    <div className="mx-auto w-full max-w-[43rem] px-1 pt-6 pb-5 sm:px-0">
      <Heading title={name ? t("first.title.named", { name }) : t("first.title")} site={t("brand")} className="title text-[30px] leading-tight" />
      <p className="mt-1.5 mb-5 text-[16px] text-ink-2">{isConnected ? t("first.lead.connected") : t("first.lead")}</p>
      {provider.isPending && <Skeleton label={t("loading")} />}
      {provider.isError && <ProblemNotice problem={problemOf(provider.error)} className="mb-6" />}
      {provider.data && !isConnected && (
        <RailEntry mark="wait" isFirst className="pb-5">
          <h2 className="text-[16px] font-semibold">{t("first.none.title")}</h2>
          <p className="mt-0.5 mb-3 text-ink-2">{t("first.none.lead")}</p>
          {connect}
        </RailEntry>
      )}
      {!provider.isPending && (
        <RailEntry mark="done" isFirst={Boolean(isConnected)}>
          <h2 className="text-[16px] font-semibold">{isConnected ? t("first.examples.title") : t("first.works.title")}</h2>
          <p className="mt-1 mb-3 text-ink-2">{isConnected ? t("first.examples.lead") : t("first.works.lead")}</p>
          <ul className="flex flex-wrap gap-2">
            {(isConnected ? WITH_MODEL : BUILT_IN).map((key) => (
              <li key={key}>
                <button type="button" onClick={() => onExample(t(key))} className="tap rounded-lg border border-line bg-surface px-3 py-1.5 text-start text-[14.5px] hover:border-accent hover:bg-accent-soft">
                  {t(key)}
                </button>
              </li>
            ))}
          </ul>
        </RailEntry>
      )}
    </div>
  );
}
