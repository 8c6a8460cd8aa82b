// What is shown when a page cannot be shown.
import { useRouter } from "@tanstack/react-router";
import { problemOf } from "../api/problem";
import { t } from "../i18n/t";
import { Button } from "../ui/button";
import { Heading } from "../ui/page";
import type { Failed } from "../ui/part";
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

/** The page itself could not be loaded; the frame around it stays. */
export function PageFailure({ again }: Failed) {
  return (
    <div className="mx-auto w-full max-w-[43rem] px-4 py-12">
      <Heading title={t("failure.title")} site={t("brand")} className="title mb-4 text-[26px]" />
      <ProblemNotice problem={{ title: t("part.failed") }}>
        <Button onClick={again}>{t("failure.again")}</Button>
        <Button onClick={() => location.reload()}>{t("failure.reload")}</Button>
      </ProblemNotice>
    </div>
  );
}
