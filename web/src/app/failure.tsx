// What is shown when a page cannot be shown.
import { Link, useRouter } from "@tanstack/react-router";
import { problemOf } from "../api/problem";
import { t } from "../i18n/t";
import { Button, buttonClass } from "../ui/button";
import { Heading } from "../ui/page";
import { ProblemNotice } from "../ui/problem-notice";

export function Failure({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <main className="mx-auto w-full max-w-[43rem] px-4 py-12">
      <Heading title={t("failure.title")} site={t("brand")} className="title mb-4 text-[26px]" />
      <ProblemNotice problem={problemOf(error)} kept={t("failure.kept")}>
        <Button onClick={() => void router.invalidate()}>{t("failure.again")}</Button>
        <Button onClick={() => location.reload()}>{t("failure.reload")}</Button>
      </ProblemNotice>
    </main>
  );
}

export function Missing() {
  return (
    <main className="mx-auto w-full max-w-[43rem] px-4 py-12">
      <Heading title={t("missing.title")} site={t("brand")} />
      <p className="mt-2 mb-5 text-ink-2">{t("missing.lead")}</p>
      <Link to="/" className={buttonClass("plain")}>
        {t("missing.do")}
      </Link>
    </main>
  );
}
