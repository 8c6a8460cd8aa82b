// Make an account. What is asked depends on what the installation asks for.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { auth } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery, optionsQuery } from "../../api/queries";
import type { AuthOptions } from "../../api/types";
import "../../i18n/auth";
import { type Key, t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { CheckField, Field } from "../../ui/field";
import { Notice } from "../../ui/notice";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { AuthFrame } from "./frame";

interface Props {
  mark: ReactNode;
  signInLink: ReactNode;
  invitation?: string;
  /** The person opened a link of a kind that no longer counts. */
  isOldLink: boolean;
  onSignedIn: () => void;
}

export function SignUp({ mark, signInLink, invitation, isOldLink, onSignedIn }: Props) {
  const options = useQuery(optionsQuery);
  const invited = useQuery({ queryKey: ["auth", "invitation", invitation], queryFn: () => auth.invitation(invitation ?? ""), enabled: Boolean(invitation), retry: false });
  const mode = options.data?.sign_up;
  const isFirst = mode === "first";
  const isInvitationBad = Boolean(invitation) && invited.isError;
  const isShut = options.data && (mode === "closed" || mode === "invite") && (!invitation || isInvitationBad);
  const shut: { title: Key; next: Key } = isInvitationBad
    ? { title: "auth.invitation.bad.title", next: "auth.invitation.bad.next" }
    : isOldLink
      ? { title: "auth.invitation.old.title", next: "auth.invitation.old.next" }
      : { title: "auth.sign_up.shut.title", next: "auth.sign_up.shut.next" };

  return (
    <AuthFrame title={isFirst ? t("auth.sign_up.first.title") : t("auth.sign_up.title")} lead={isFirst ? t("auth.sign_up.first.lead") : isShut ? undefined : t("auth.sign_up.lead")} mark={mark}>
      {options.isError && <ProblemNotice problem={problemOf(options.error)} />}
      {options.isPending && <Skeleton label={t("loading")} lines={5} />}
      {isShut && <Notice title={t(shut.title)} lines={[t(shut.next)]} />}
      {options.data && !isShut && <Form options={options.data} invitation={invitation} onSignedIn={onSignedIn} />}
      {!isFirst && <p className="mt-6 border-t border-line pt-5 text-[14.5px] text-ink-2">{signInLink}</p>}
    </AuthFrame>
  );
}

const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function Form({ options, invitation, onSignedIn }: { options: AuthOptions; invitation?: string; onSignedIn: () => void }) {
  const [form, setForm] = useState({ email: "", password: "", name: "", timezone: browserZone(), code: "", adult: false, accepts: false });
  const queries = useQueryClient();
  const signUp = useMutation({
    mutationFn: auth.signUp,
    onSuccess: (account) => {
      queries.clear();
      queries.setQueryData(accountQuery.queryKey, account);
      onSignedIn();
    },
  });
  const problem = signUp.error ? problemOf(signUp.error) : null;
  const wrong = (field: string) => (problem?.field === field ? [problem.title, problem.next_step].filter(Boolean).join(" ") : undefined);
  const known = ["email", "password", "name", "timezone", "code", "adult", "accepts"];

  function submit(event: FormEvent) {
    event.preventDefault();
    signUp.mutate({
      email: form.email.trim(),
      password: form.password,
      adult: form.adult,
      accepts: options.asks_acceptance && form.accepts ? ["privacy", "terms"] : undefined,
      name: form.name.trim() || undefined,
      timezone: form.timezone.trim() || undefined,
      code: options.needs_code ? form.code.trim() : undefined,
      invitation,
    });
  }

  const text = (name: "email" | "password" | "name" | "timezone" | "code") => ({
    name,
    value: form[name],
    error: wrong(name),
    onChange: (e: { target: { value: string } }) => setForm({ ...form, [name]: e.target.value }),
  });

  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {problem && !known.includes(problem.field ?? "") && <ProblemNotice problem={problem} kept={t("auth.sign_up.kept")} />}
      {options.needs_code && <Field {...text("code")} label={t("auth.code")} hint={t("auth.code.hint")} autoComplete="one-time-code" required autoFocus className="font-mono" />}
      <Field {...text("email")} label={t("auth.email")} type="email" autoComplete="username" required autoFocus={!options.needs_code} />
      <Field {...text("password")} label={t("auth.password")} type="password" autoComplete="new-password" required hint={t("auth.password.hint")} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field {...text("name")} label={t("auth.name")} optional={t("optional")} autoComplete="name" />
        <Field {...text("timezone")} label={t("auth.timezone")} optional={t("optional")} />
      </div>
      <div>
        {options.asks_adult && <CheckField label={t("auth.adult")} name="adult" required checked={form.adult} onChange={(e) => setForm({ ...form, adult: e.target.checked })} error={wrong("adult")} />}
        {options.asks_acceptance && (
          <CheckField
            label={
              <>
                {t("auth.accepts.before")}{" "}
                <a className="text-accent underline underline-offset-3" href="/legal/terms" target="_blank" rel="noreferrer">
                  {t("auth.terms")}
                </a>{" "}
                {t("auth.accepts.and")}{" "}
                <a className="text-accent underline underline-offset-3" href="/legal/privacy" target="_blank" rel="noreferrer">
                  {t("auth.privacy")}
                </a>
              </>
            }
            name="accepts"
            required
            checked={form.accepts}
            onChange={(e) => setForm({ ...form, accepts: e.target.checked })}
            error={wrong("accepts")}
          />
        )}
      </div>
      <Button type="submit" look="main" isBusy={signUp.isPending} className="mt-1 min-h-11">
        {signUp.isPending ? t("auth.sign_up.busy") : t("auth.sign_up.do")}
      </Button>
    </form>
  );
}
