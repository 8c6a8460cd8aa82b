// How Ally shall answer: for all chats, or for those of a folder; and exactly what the model is told.
import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { instructions } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery, foldersQuery, instructionsQuery, previewQuery } from "../../api/queries";
import type { Given, NewInstructions } from "../../api/types";
import "../../i18n/settings";
import "../../i18n/memory";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy-button";
import { SelectField } from "../../ui/field";
import { LongField } from "../../ui/long-field";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";
import { Versions } from "./versions";

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What was typed and not saved yet, in the memory of this tab: changing the folder or the page does not lose it. */
const typedQuery = (folder?: string) =>
  queryOptions({ queryKey: ["instructions", "typed", folder ?? ""], queryFn: (): NewInstructions | null => null, staleTime: Number.POSITIVE_INFINITY, gcTime: Number.POSITIVE_INFINITY });

/** The folders with something in them that is not saved; an empty name stands for all chats. */
function unsaved(queries: QueryClient): string[] {
  return queries.getQueriesData({ queryKey: ["instructions", "typed"] }).flatMap(([key, typed]) => (typed ? [String(key[2])] : []));
}

interface Props {
  folder: string | undefined;
  onFolder: (folder: string | undefined) => void;
}

export function Instructions({ folder, onFolder }: Props) {
  const given = useQuery(instructionsQuery(folder));
  const folders = useQuery(foldersQuery).data?.items ?? [];
  const elsewhere = unsaved(useQueryClient()).filter((one) => one !== (folder ?? ""));
  const nameOf = (one: string) => (one ? folders.find(({ id }) => id === one)?.name : t("instructions.everywhere"));
  const names = elsewhere.map(nameOf).filter(Boolean).join(", ");
  return (
    <>
      <Heading title={t("settings.instructions")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("instructions.lead")}</p>
      <div className="mb-6 max-w-xs">
        <SelectField label={t("instructions.where")} value={folder ?? ""} onChange={(event) => onFolder(event.target.value || undefined)} hint={folder ? t("instructions.where.folder") : undefined}>
          <option value="">{t("instructions.everywhere")}</option>
          {folders.map((one) => (
            <option key={one.id} value={one.id}>
              {t("instructions.folder", { name: one.name })}
            </option>
          ))}
        </SelectField>
        <p role="status" className="mt-1.5 text-[13.5px] text-ink-2 empty:hidden">
          {names && t("instructions.unsaved", { names })}
        </p>
      </div>
      {given.isPending && <Skeleton label={t("loading")} lines={6} />}
      {given.isError && <ProblemNotice problem={problemOf(given.error)} />}
      {given.data && <Form key={folder ?? ""} folder={folder} given={given.data} />}
      <Told folder={folder} />
    </>
  );
}

function Form({ folder, given }: { folder: string | undefined; given: Given }) {
  const queries = useQueryClient();
  const typedKey = typedQuery(folder).queryKey;
  const { data: typed } = useQuery(typedQuery(folder));
  const { name, tone, rules } = { name: given.name, tone: given.tone, rules: given.rules, ...typed };
  function change(field: Partial<NewInstructions>) {
    const next = { name, tone, rules, ...field };
    const isAsGiven = next.name === given.name && next.tone === given.tone && next.rules === given.rules;
    queries.setQueryData(typedKey, isAsGiven ? null : next);
  }
  const save = useMutation({
    mutationFn: () => instructions.give(folder, { name, tone, rules }),
    onSuccess: (saved) => {
      queries.setQueryData(typedKey, null);
      queries.setQueryData(instructionsQuery(folder).queryKey, saved);
      void queries.invalidateQueries({ queryKey: ["instructions", "versions"] });
      void queries.invalidateQueries({ queryKey: ["instructions", "preview"] });
    },
  });
  const problem = save.error ? problemOf(save.error) : null;
  const at = (field: string) => (problem?.field === field ? [problem.title, problem.next_step].filter(Boolean).join(" ") : undefined);
  const isChanged = name !== given.name || tone !== given.tone || rules !== given.rules;
  const isTooLong = [...name].length > given.limits.name || [...tone].length > given.limits.tone || [...rules].length > given.limits.rules;
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }
  return (
    <Section title={t("instructions.yours")}>
      <form onSubmit={submit} className="flex max-w-[42rem] flex-col gap-4">
        {problem && !problem.field && <ProblemNotice problem={problem} kept={t("form.kept")} />}
        <LongField label={t("instructions.name")} hint={t("instructions.name.hint")} value={name} rows={1} longest={given.limits.name} onValue={(value) => change({ name: value })} error={at("name")} />
        <LongField label={t("instructions.tone")} hint={t("instructions.tone.hint")} value={tone} rows={2} longest={given.limits.tone} onValue={(value) => change({ tone: value })} error={at("tone")} />
        <LongField label={t("instructions.rules")} hint={t("instructions.rules.hint")} value={rules} rows={7} longest={given.limits.rules} onValue={(value) => change({ rules: value })} error={at("rules")} />
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" look="main" isBusy={save.isPending} disabled={!isChanged || isTooLong}>
            {t("save")}
          </Button>
          <span role="status" className="text-[14px] text-ink-2">
            {save.isSuccess && !isChanged ? t("instructions.saved") : ""}
          </span>
          {given.changed && (
            <span className="ms-auto text-[13.5px] text-ink-3">
              {t("memory.updated")} <When at={given.changed} />
            </span>
          )}
        </div>
      </form>
      <Versions folder={folder} />
    </Section>
  );
}

function Told({ folder }: { folder: string | undefined }) {
  const { data: account } = useQuery(accountQuery);
  const told = useQuery(previewQuery(folder, account?.timezone || zone));
  return (
    <Section title={t("instructions.told")} hint={t("instructions.told.hint")}>
      {told.isPending && <Skeleton label={t("loading")} lines={6} />}
      {told.isError && <ProblemNotice problem={problemOf(told.error)} />}
      {told.data && (
        <div className="relative max-w-[46rem] rounded-lg border border-line bg-surface">
          <div className="absolute end-1.5 top-1.5">
            <CopyButton label={t("instructions.told.copy")} text={told.data.text} />
          </div>
          <pre tabIndex={0} aria-label={t("instructions.told")} className="max-h-[28rem] overflow-auto p-4 pe-12 font-mono text-[12.5px] whitespace-pre-wrap">
            {told.data.text}
          </pre>
        </div>
      )}
    </Section>
  );
}
