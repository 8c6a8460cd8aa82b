// Sign in with e-mail and password.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { auth } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { accountQuery, optionsQuery } from "../../api/queries";
import "../../i18n/auth";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";
import { AuthFrame } from "./frame";

interface Props {
  mark: ReactNode;
  signUpLink: ReactNode;
  onSignedIn: () => void;
}

export function SignIn({ mark, signUpLink, onSignedIn }: Props) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const queries = useQueryClient();
  const options = useQuery(optionsQuery);
  const signIn = useMutation({
    mutationFn: auth.signIn,
    onSuccess: (account) => {
      queries.clear();
      queries.setQueryData(accountQuery.queryKey, account);
      onSignedIn();
    },
  });
  const problem = signIn.error ? problemOf(signIn.error) : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    signIn.mutate({ email: email.trim(), password });
  }

  const canSignUp = options.data && options.data.sign_up !== "closed";
  return (
    <AuthFrame title={t("auth.sign_in.title")} lead={t("auth.sign_in.lead")} mark={mark}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        {problem && !problem.field && <ProblemNotice problem={problem} />}
        <Field label={t("auth.email")} type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.target.value)} error={problem?.field === "email" ? problem.title : undefined} />
        <Field label={t("auth.password")} type="password" name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} error={problem?.field === "password" ? problem.title : undefined} />
        <Button type="submit" look="main" isBusy={signIn.isPending} className="mt-1 min-h-11">
          {signIn.isPending ? t("auth.sign_in.busy") : t("auth.sign_in.do")}
        </Button>
      </form>
      <p className="mt-6 border-t border-line pt-5 text-[14.5px] text-ink-2">{canSignUp ? signUpLink : options.data ? t("auth.sign_up.closed") : null}</p>
    </AuthFrame>
  );
}
