// One entry of the conversation.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Fragment, memo, type ReactNode } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { providerQuery } from "../../api/queries";
import type { Message, Part, Sent } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { Markdown } from "../../markdown/markdown";
import { Button } from "../../ui/button";
import { part } from "../../ui/part";
import { ProblemNotice } from "../../ui/problem-notice";
import { type MarkState, RailEntry } from "../../ui/rail/rail";
import { ApprovalPlace } from "./approval-place";
import { Question } from "./question";
import { Receipt } from "./receipt";
import { useMessage } from "./stream";
import type { LiveMessage, Thread } from "./thread";
import { ToolEntry } from "./tool-entry";
import { Versions } from "./versions";

const AnswerLine = part(async () => (await import("./answer-line")).default);

interface Props {
  thread: Thread;
  id: string;
  isFirst: boolean;
  /** The message before this one: the question, when this is an answer. */
  question?: string;
  onSent: (sent: Sent) => void;
  fileLink: (path: string) => ReactNode;
}

export const MessageEntry = memo(function MessageEntry({ thread, id, isFirst, question, onSent, fileLink }: Props) {
  const message = useMessage(thread, id);
  if (!message) return null;
  if (message.role === "user") return <Question thread={thread} message={message} isFirst={isFirst} onSent={onSent} />;
  return <Answer message={message} isFirst={isFirst} question={question} onSent={onSent} fileLink={fileLink} />;
});

type Piece = { kind: "tool"; part: Extract<Part, { type: "tool" }> } | { kind: "text" | "thinking"; text: string };

function Answer({ message, isFirst, question, onSent, fileLink }: { message: LiveMessage } & Omit<Props, "thread" | "id">) {
  const isLive = message.status === "queued" || message.status === "streaming";
  const pieces: Piece[] = message.parts.map((one) => (one.type === "tool" ? { kind: "tool", part: one } : { kind: one.type, text: one.text }));
  const lastText = pieces.findLastIndex((piece) => piece.kind === "text");
  const approvals = message.approvals ?? [];
  const showApproval = ApprovalPlace.use();
  const needsYou = approvals.some((approval) => approval.status === "waiting");
  const isWaiting = isLive && !needsYou && (pieces.length === 0 || pieces.at(-1)?.kind === "tool");
  return (
    <article aria-label={t("message.allys")} aria-busy={(isLive && !needsYou) || undefined} data-role="assistant" data-status={message.status} data-message={message.id}>
      <h2 className="sr-only">{t("message.allys")}</h2>
      {pieces.map((piece, at) => {
        if (piece.kind === "tool") {
          const asked = approvals.filter((approval) => approval.lines.at(-1)?.line === piece.part.call);
          return (
            <Fragment key={piece.part.call}>
              <ToolEntry part={piece.part} fileLink={fileLink} />
              {asked.map((approval) => (
                <RailEntry key={approval.id} mark={approval.status === "waiting" ? "wait" : "plain"} isSmall={approval.status !== "waiting"} className="pb-4">
                  {showApproval(approval)}
                </RailEntry>
              ))}
            </Fragment>
          );
        }
        if (piece.kind === "thinking") return <Thinking key={at} text={piece.text} />;
        return (
          <RailEntry key={at} mark={at === lastText ? markOf(message) : "done"} isFirst={isFirst && at === 0} className={at === lastText ? "pb-1!" : "pb-3"}>
            <Markdown text={piece.text} />
          </RailEntry>
        );
      })}
      {isWaiting && (
        <RailEntry mark="live" className="pb-4">
          <p className="text-ink-2" aria-live="polite">
            {waitingFor(message)}
          </p>
        </RailEntry>
      )}
      {!isLive && (
        <RailEntry mark={lastText >= 0 ? undefined : markOf(message)} className="pb-6">
          <End message={message} question={question} onSent={onSent} />
          <Receipt message={message}>
            <AnswerLine waiting={<Versions message={message} />} message={message} hasAgain={!question || !isAskedAgainAbove(message)} versions={<Versions message={message} />} onSent={onSent} />
          </Receipt>
        </RailEntry>
      )}
    </article>
  );
}

/** What an answer that says nothing yet is waiting for. */
function waitingFor({ status, pause }: LiveMessage): string {
  if (pause) return t("message.pause", { reason: pause.reason, seconds: pause.seconds });
  return status === "queued" ? t("message.queued") : t("message.working");
}

/** Ends at a limit of ours: asking again goes on from there. */
const AT_A_LIMIT = new Set(["too_many_steps", "too_many_tokens", "took_too_long"]);

/** Whether the notice of an answer that failed has the button for another try. */
const isAskedAgainAbove = ({ status, problem }: Message): boolean => (status === "failed" || status === "interrupted") && !AT_A_LIMIT.has(problem?.type ?? "");

function markOf(message: Message): MarkState {
  if (message.status === "queued" || message.status === "streaming") return "live";
  if (message.status === "failed") return "bad";
  if (message.needs_model || message.status === "interrupted") return "wait";
  return message.status === "stopped" ? "plain" : "done";
}

/** How an answer ended, when there is something to say about it. */
function End({ message, question, onSent }: { message: Message; question?: string; onSent: (sent: Sent) => void }) {
  const again = useMutation({ mutationFn: () => chats.answerNow(question ?? ""), onSuccess: onSent });
  const provider = useQuery({ ...providerQuery, enabled: message.needs_model === true });
  const retry = (label: string) => (
    <Button isBusy={again.isPending} onClick={() => again.mutate()}>
      {again.isPending ? t("message.asking") : label}
    </Button>
  );
  const failed = again.error && <ProblemNotice problem={problemOf(again.error)} kept={t("message.kept")} className="mt-2" />;

  if (message.needs_model) {
    return (
      <div className="mt-2">
        {provider.data?.connected ? question && retry(t("message.answer_now")) : <p className="text-[14.5px] text-ink-2">{t("message.connect_first")}</p>}
        {failed}
      </div>
    );
  }
  if (message.status === "stopped") return <p className="mt-1 text-[14.5px] text-ink-2">{message.text ? t("message.stopped") : t("message.stopped.empty")}</p>;
  if (message.status !== "failed" && message.status !== "interrupted") return null;
  const problem = message.problem ?? { title: message.status === "failed" ? t("message.failed") : t("message.interrupted"), next_step: t("message.failed.next") };
  return (
    <div className="mt-1">
      <ProblemNotice problem={problem} kept={message.text ? t("message.kept.partial") : t("message.kept")}>
        {question && retry(AT_A_LIMIT.has(message.problem?.type ?? "") ? t("message.go_on") : t("message.again"))}
      </ProblemNotice>
      {failed}
    </div>
  );
}

function Thinking({ text }: { text: string }) {
  return (
    <RailEntry mark="plain" isSmall className="rail-line pb-3">
      <details className="text-[14px] text-ink-2">
        <summary className="tap flex w-fit items-center rounded-md px-1 hover:text-ink">{t("message.thinking")}</summary>
        <p className="mt-1 whitespace-pre-wrap">{text}</p>
      </details>
    </RailEntry>
  );
}
