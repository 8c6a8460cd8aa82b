// "Test my walls": the assistant tries to break out, and each attempt is written down as it ends.
import clsx from "clsx";
import { CircleSlash, ShieldAlert, ShieldCheck } from "lucide-react";
import type { ReactNode } from "react";
import "../../i18n/settings";
import type { WallsAttempt } from "../../api/types";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { type MarkState, RailEntry } from "../../ui/rail/rail";
import { reasonInWords } from "./wall-words";
import { type Trial, useTrial } from "./walls-trial";

interface Props {
  /** The level that was reached, by its name. */
  level?: string;
  isAdministrator: boolean;
  /** Whether a wall is missing: what holds is then not everything. */
  hasGaps: boolean;
}

export function WallsTest({ level, isAdministrator, hasGaps }: Props) {
  const { trial, begin, stop } = useTrial();
  const attempts = "attempts" in trial ? trial.attempts : [];
  const isRunning = trial.state === "running";
  return (
    <Section title={t("walls.test.title")} hint={t("walls.test.lead")}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        {isRunning ? (
          <Button onClick={stop}>{t("walls.test.stop")}</Button>
        ) : (
          <Button look="main" onClick={begin}>
            {trial.state === "never" ? t("walls.test.do") : t("walls.test.again")}
          </Button>
        )}
        {isRunning && <p className="num text-[14.5px] text-ink-2">{t("walls.test.so_far", { tried: attempts.length })}</p>}
      </div>
      <p role="status" aria-live="polite" className="sr-only">
        {announcement(trial)}
      </p>
      <End trial={trial} level={level} isAdministrator={isAdministrator} hasGaps={hasGaps} />
      {trial.state === "never" && <Example />}
      {attempts.length > 0 && (
        <ol aria-label={t("walls.test.list")} className="mt-5">
          {attempts.map((attempt, at) => (
            <li key={`${at} ${attempt.name}`}>
              <Attempt attempt={attempt} isFirst={at === 0} />
            </li>
          ))}
          {isRunning && (
            <li aria-hidden>
              <RailEntry mark="live" isSmall className="pb-2.5">
                <p className="text-[14.5px] text-ink-2">{t("walls.test.running")}</p>
              </RailEntry>
            </li>
          )}
        </ol>
      )}
    </Section>
  );
}

const MARKS: Record<WallsAttempt["outcome"], MarkState> = { refused: "done", succeeded: "wait", skipped: "plain" };

function Attempt({ attempt, isFirst }: { attempt: WallsAttempt; isFirst?: boolean }) {
  const reason = attempt.by ? reasonInWords(attempt.by) : null;
  return (
    <RailEntry mark={MARKS[attempt.outcome]} isSmall isFirst={isFirst} className="pb-2.5">
      <div className="flex flex-col sm:flex-row sm:items-baseline sm:gap-4" data-outcome={attempt.outcome}>
        <p className="min-w-0 flex-1 text-[14.5px]">{attempt.words}</p>
        <p className={clsx("text-[13.5px] sm:text-end", attempt.outcome === "succeeded" ? "font-medium text-wait" : "text-ink-2")}>
          {attempt.outcome === "refused" ? t("walls.test.refused") : attempt.outcome === "succeeded" ? t("walls.test.succeeded") : t("walls.test.skipped")}
          {reason && <span className="font-normal"> · {reason}</span>}
          {attempt.by && <code className="ms-1.5 text-[12px] font-normal text-ink-3">{attempt.by}</code>}
        </p>
      </div>
    </RailEntry>
  );
}

/** What an entry looks like, before there is one. */
function Example() {
  return (
    <div className="mt-5">
      <p className="mb-1.5 text-[14px] text-ink-2">{t("walls.test.none")}</p>
      <Attempt attempt={{ type: "attempt", name: "example", words: t("walls.test.example"), outcome: "refused", by: "ENOENT" }} isFirst />
    </div>
  );
}

/** How it ended, above the list, so that nobody has to scroll for it. */
function End({ trial, level, isAdministrator, hasGaps }: { trial: Trial } & Props) {
  if (trial.state === "refused") return <ProblemNotice problem={trial.problem} kept={t("walls.test.not_begun")} className="mt-4" />;
  if (trial.state === "broken") {
    const tried = trial.attempts.length;
    const why = trial.problem.status === 0 && trial.problem.kind !== "unknown" && trial.problem.title;
    return <Notice isBad title={t("walls.test.broken", { tried })} lines={[why, tried > 0 && t("walls.test.broken.kept"), ...wentThrough(trial.attempts), t("walls.test.broken.next")]} className="mt-4" />;
  }
  if (trial.state === "stopped") return <Notice title={t("walls.test.stopped", { tried: trial.attempts.length })} lines={[...wentThrough(trial.attempts), t("walls.test.stopped.next")]} className="mt-4" />;
  if (trial.state !== "finished") return null;

  const { refused, succeeded, skipped } = countsOf(trial.attempts);
  const note = skipped > 0 ? t("walls.test.summary.skipped", { skipped }) : null;
  if (succeeded === 0) {
    const held = refused > 0;
    return (
      <Box icon={held ? <ShieldCheck aria-hidden className="mt-0.5 size-5 shrink-0 text-ok" /> : <CircleSlash aria-hidden className="mt-0.5 size-5 shrink-0 text-ink-3" />}>
        <p className="num font-medium">{inNumbers(trial.attempts)}</p>
        <p className="text-ink-2">{!held ? t("walls.test.nothing") : hasGaps ? t("walls.test.held.gaps") : t("walls.test.held")}</p>
        {note && <p className="text-ink-2">{note}</p>}
      </Box>
    );
  }
  return (
    <Box isWaiting icon={<ShieldAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-wait" />}>
      <p className="num font-medium">{inNumbers(trial.attempts)}</p>
      <p className="text-ink-2">{t("walls.test.through")}</p>
      {note && <p className="text-ink-2">{note}</p>}
      <p className="mt-1.5">{level === "full" ? t("walls.test.through.full") : isAdministrator ? t("walls.test.through.administrator") : t("walls.test.through.person")}</p>
      {level !== "full" && isAdministrator && <code className="mt-2 inline-block rounded-sm border border-wait-line bg-surface px-1.5 py-0.5 text-[12.5px]">ally doctor</code>}
    </Box>
  );
}

function Box({ icon, isWaiting, children }: { icon: ReactNode; isWaiting?: boolean; children: ReactNode }) {
  return (
    <div className={clsx("mt-4 flex gap-3 rounded-lg border p-3.5 text-[14.5px]", isWaiting ? "border-wait-line bg-wait-soft" : "border-line bg-surface")}>
      {icon}
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}

/** What stands in the list, so that the numbers and the entries cannot disagree. */
function countsOf(attempts: WallsAttempt[]): Record<WallsAttempt["outcome"], number> {
  const of = (outcome: WallsAttempt["outcome"]) => attempts.filter((attempt) => attempt.outcome === outcome).length;
  return { refused: of("refused"), succeeded: of("succeeded"), skipped: of("skipped") };
}

function inNumbers(attempts: WallsAttempt[]): string {
  const { refused, succeeded } = countsOf(attempts);
  const tried = refused + succeeded;
  return succeeded > 0 ? t("walls.test.summary.through", { tried, refused, succeeded }) : t("walls.test.summary", { tried, refused });
}

/** A trial that did not come to its end must not hide what went through before. */
function wentThrough(attempts: WallsAttempt[]): string[] {
  const through = countsOf(attempts).succeeded;
  return through > 0 ? [t("walls.test.some_through", { through })] : [];
}

/** What is read aloud: the beginning and the end, not every line. */
function announcement(trial: Trial): string {
  if (trial.state === "running") return t("walls.test.begun");
  return trial.state === "finished" ? inNumbers(trial.attempts) : trial.state === "stopped" ? t("walls.test.stopped", { tried: trial.attempts.length }) : "";
}
