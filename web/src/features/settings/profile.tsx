// Name, time zone, password.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { account } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery } from "../../api/queries";
import type { Account } from "../../api/types";
import "../../i18n/settings";
import "../../i18n/auth";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field, SelectField } from "../../ui/field";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";

export function ProfilePage() {
  const { data } = useQuery(accountQuery);
  return (
    <>
      <Heading title={t("settings.profile")} site={t("brand")} />
      <p className="mt-2 mb-6 text-ink-2">{t("profile.lead")}</p>
      {data && <About me={data} />}
      <Password />
    </>
  );
}

function About({ me }: { me: Account }) {
  const [name, setName] = useState(me.name ?? "");
  const [timezone, setZone] = useState(me.timezone ?? "");
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: account.change,
    onSuccess: (changed) => queries.setQueryData(accountQuery.queryKey, changed),
  });
  const problem = save.error ? problemOf(save.error) : null;
  const zones = Intl.supportedValuesOf("timeZone");
  const isChanged = name !== (me.name ?? "") || timezone !== (me.timezone ?? "");
  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate({ name: name.trim() || null, timezone: timezone || null });
  }
  return (
    <Section title={t("profile.about")}>
      <form onSubmit={submit} className="flex max-w-md flex-col gap-4">
        {problem && <ProblemNotice problem={problem} kept={t("form.kept")} />}
        <Field label={t("auth.email")} type="email" value={me.email} readOnly hint={t("profile.email.hint")} />
        <Field label={t("auth.name")} name="name" autoComplete="name" optional={t("optional")} value={name} onChange={(event) => setName(event.target.value)} />
        <SelectField label={t("auth.timezone")} name="timezone" value={timezone} onChange={(event) => setZone(event.target.value)} hint={t("profile.timezone.hint")}>
          <option value="">{t("profile.timezone.none")}</option>
          {timezone && !zones.includes(timezone) && <option value={timezone}>{timezone}</option>}
          {zones.map((zone) => (
            <option key={zone} value={zone}>
              {zone}
            </option>
          ))}
        </SelectField>
        <div className="flex items-center gap-3">
          <Button type="submit" look="main" isBusy={save.isPending} disabled={!isChanged}>
            {t("save")}
          </Button>
          <span role="status" className="text-[14px] text-ink-2">
            {save.isSuccess && !isChanged ? t("saved") : ""}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Password() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: account.changePassword,
    onSuccess: () => {
      setCurrent("");
      setNext("");
    },
  });
  const problem = change.error ? problemOf(change.error) : null;
  const at = (field: string) => (problem?.field === field ? [problem.title, problem.next_step].filter(Boolean).join(" ") : undefined);
  function submit(event: FormEvent) {
    event.preventDefault();
    change.mutate({ current, new: next });
  }
  return (
    <Section title={t("profile.password")} hint={t("profile.password.lead")}>
      <form onSubmit={submit} className="flex max-w-md flex-col gap-4">
        {problem && !at("current") && !at("new") && <ProblemNotice problem={problem} kept={t("profile.password.kept")} />}
        <Field label={t("profile.password.current")} type="password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.target.value)} error={at("current")} />
        <Field label={t("profile.password.new")} type="password" autoComplete="new-password" required value={next} onChange={(event) => setNext(event.target.value)} hint={t("auth.password.hint")} error={at("new")} />
        <div className="flex items-center gap-3">
          <Button type="submit" isBusy={change.isPending} disabled={!current || !next}>
            {t("profile.password.change")}
          </Button>
          <span role="status" className="text-[14px] text-ink-2">
            {change.isSuccess && !current ? t("profile.password.changed") : ""}
          </span>
        </div>
      </form>
    </Section>
  );
}
