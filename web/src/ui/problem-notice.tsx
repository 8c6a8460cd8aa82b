// What happened, what was kept, what to do: the one way in which a failure is shown.
import type { ReactNode } from "react";
import { t } from "../i18n/t";
import { Notice } from "./notice";

interface Props {
  problem: { title: string; next_step?: string | null; request?: string | null; retry_after?: number | null };
  /** What is safe in spite of it. */
  kept?: string;
  children?: ReactNode;
  className?: string;
}

export function ProblemNotice({ problem, kept, children, className }: Props) {
  // A longer wait is in the words themselves, as a time.
  const wait = problem.retry_after && problem.retry_after <= 600 ? t("problem.retry_after", { seconds: problem.retry_after }) : undefined;
  const note = problem.request ? t("problem.request", { id: problem.request }) : undefined;
  return (
    <Notice isBad title={problem.title} lines={[kept, problem.next_step, wait]} note={note} className={className}>
      {children}
    </Notice>
  );
}
