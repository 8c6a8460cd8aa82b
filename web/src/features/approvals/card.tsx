// One approval request: what exactly would be done, why it asks, and the answer. Amber, because it waits for a person;
// once answered it is a quiet line.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { approvals, waitingQuery } from "../../api/approvals";
import { problemOf } from "../../api/problem";
import type { Approval, ApprovalAnswer, ApprovalLine } from "../../api/types";
import "../../i18n/approvals";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { ProblemNotice } from "../../ui/problem-notice";
import { When, fullTime } from "../../ui/time";
import { Effect } from "./effect";
import { Outcome } from "./outcome";

interface Props {
  approval: Approval;
  /** Where it comes from; not in the chat itself. */
  origin?: ReactNode;
  /** It was answered here. */
  onAnswered?: (approval: Approval) => void;
}

export default function ApprovalCard({ approval: given, origin, onAnswered }: Props) {
  const queries = useQueryClient();
  const [answered, setAnswered] = useState<Approval | null>(null);
  const approval = given.status === "waiting" && answered ? answered : given;
  const outcome = useRef<HTMLDivElement>(null);
  const key = useRef(crypto.randomUUID());
  const decide = useMutation({
    mutationFn: (answer: ApprovalAnswer) => approvals.decide(given.id, answer, key.current),
    onSuccess: keep,
    onError: async (error) => {
      // It may never have arrived, and then the same answer is sent under the same key. What was refused is another.
      const { status } = problemOf(error);
      if (status >= 400 && status < 500) key.current = crypto.randomUUID();
      // Another device was first: what it said is shown.
      if (status === 409) keep(await approvals.get(given.id).catch(() => null));
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["approvals"] }),
  });

  function keep(approval: Approval | null) {
    setAnswered(approval);
    if (approval) onAnswered?.(given);
  }

  // One that came with the messages of its chat is not counted beside the navigation yet.
  const isWaiting = given.status === "waiting";
  useEffect(() => {
    const known = queries.getQueryData(waitingQuery.queryKey)?.items ?? [];
    if (isWaiting && known.every(({ id }) => id !== given.id)) void queries.invalidateQueries({ queryKey: waitingQuery.queryKey });
  }, [queries, isWaiting, given.id]);

  // Who has just answered goes on from there, also by keyboard.
  useEffect(() => {
    if (answered) outcome.current?.focus();
  }, [answered]);

  if (approval.status !== "waiting") {
    return (
      <div ref={outcome} tabIndex={-1} role={answered ? "status" : undefined}>
        {decide.error && <ProblemNotice problem={problemOf(decide.error)} className="mb-1" />}
        <Outcome approval={approval} origin={origin} />
      </div>
    );
  }
  return <Waiting approval={approval} origin={origin} isBusy={decide.isPending} problem={decide.error} onAnswer={(answer) => decide.mutate(answer)} />;
}

interface WaitingProps extends Omit<Props, "onAnswered"> {
  isBusy: boolean;
  problem: unknown;
  onAnswer: (answer: ApprovalAnswer) => void;
}

function Waiting({ approval, origin, isBusy, problem, onAnswer }: WaitingProps) {
  // In a chat it stands below the heading of its answer, elsewhere directly below that of the page.
  const Heading = origin ? "h2" : "h3";
  const { lines } = approval;
  const id = useId();
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [edits, setEdits] = useState<Record<string, string> | null>(null);
  const [reason, setReason] = useState<string | null>(null);
  const chosen = lines.filter((line) => !left.has(line.line));
  const [only] = chosen.length === 1 ? chosen : [];
  const isEditing = edits !== null && only !== undefined;

  function leave(line: ApprovalLine, isLeft: boolean) {
    const next = new Set(left);
    if (isLeft) next.add(line.line);
    else next.delete(line.line);
    setLeft(next);
    setEdits(null);
  }

  function approve() {
    const edited_input = isEditing ? { ...(only.input as Record<string, unknown>), ...edits } : undefined;
    onAnswer({ decision: "approve", lines: chosen.map((line) => line.line), edited_input, reason: reason?.trim() || undefined });
  }

  return (
    <section aria-labelledby={id} data-approval={approval.id} className="rounded-lg border border-wait-line bg-wait-soft p-3.5 text-[15px] sm:p-4">
      <Heading id={id} className="flex flex-wrap items-baseline gap-x-2 text-[13.5px] font-semibold text-wait">
        {t("approval.needs")}
        {origin && <span className="font-normal text-ink-2">{origin}</span>}
      </Heading>
      <ul aria-label={t("approval.line")} className="mt-2 flex flex-col gap-4">
        {lines.map((line) => (
          <li key={line.line}>
            {lines.length > 1 ? (
              <label className="tap flex items-start gap-3 font-semibold">
                <input type="checkbox" checked={!left.has(line.line)} onChange={(event) => leave(line, !event.target.checked)} className="mt-1 size-5 shrink-0 accent-(--accent)" />
                <span>{line.title}</span>
              </label>
            ) : (
              <p className="font-semibold">{line.title}</p>
            )}
            <Effect line={line} edits={isEditing && line === only ? edits : null} onEdit={(field, text) => setEdits({ ...edits, [field]: text })} />
            <p className="mt-2 text-[14.5px] text-ink-2">{line.why}</p>
            {line.sources.length > 0 && (
              <p className="mt-1 text-[14px] text-ink-2">{t("approval.sources", { what: line.sources.map(({ what, at }) => t("approval.source", { what, when: fullTime(at) })).join("; ") })}</p>
            )}
            {line === only && line.details.some((detail) => detail.field) && (
              <Button look="bare" className="-ms-3 mt-1" disabled={isBusy} onClick={() => setEdits(isEditing ? null : {})}>
                {t(isEditing ? "approval.edit.back" : "approval.edit")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {reason !== null && (
        <div className="mt-3">
          <label htmlFor={`${id}reason`} className="mb-1 block text-[14px] font-medium">
            {t("approval.reason")}
          </label>
          <textarea id={`${id}reason`} rows={2} maxLength={2000} autoFocus value={reason} aria-describedby={`${id}hint`} onChange={(event) => setReason(event.target.value)} className="tap w-full rounded-md border border-line-strong bg-surface px-3 py-2 text-[15px]" />
          <p id={`${id}hint`} className="text-[13.5px] text-ink-2">
            {t("approval.reason.hint")}
          </p>
        </div>
      )}
      {problem !== null && problem !== undefined && <ProblemNotice problem={problemOf(problem)} kept={t("approval.kept")} className="mt-3" />}
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <Button look="main" isBusy={isBusy} disabled={chosen.length === 0} onClick={approve}>
          {isBusy ? t("approval.busy") : label(chosen.length, lines.length, isEditing && Object.keys(edits).length > 0)}
        </Button>
        <Button disabled={isBusy} onClick={() => onAnswer({ decision: "reject", reason: reason?.trim() || undefined })}>
          {t("approval.reject")}
        </Button>
        {reason === null && (
          <Button look="bare" disabled={isBusy} onClick={() => setReason("")}>
            {t("approval.reason.add")}
          </Button>
        )}
      </div>
      <p className="mt-2 text-[13px] text-ink-2">
        {t("approval.until", { when: fullTime(approval.expires) })} · <When at={approval.opened} />
      </p>
    </section>
  );
}

function label(chosen: number, all: number, isEdited: boolean): string {
  if (isEdited) return t("approval.approve.edited");
  return chosen === all ? t("approval.approve") : t("approval.approve.some", { chosen, all });
}
