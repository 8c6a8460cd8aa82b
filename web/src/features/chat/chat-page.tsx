// The page of an open chat.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { chats } from "../../api/calls";
import { problemOf } from "../../api/problem";
import { chatQuery, contextQuery, limitsQuery, memoryQuery } from "../../api/queries";
import type { ChatEvent, Context, Effort, Message, Sent } from "../../api/types";
import { t } from "../../i18n/t";
import { usePageTitle } from "../../ui/page";
import { part } from "../../ui/part";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { count } from "../../ui/quantity";
import { showToast } from "../../ui/toast";
import { ApprovalPlace } from "./approval-place";
import { keepChat } from "./chat-lists";
import { Composer, type ComposerHandle } from "./composer";
import { ContextGauge } from "./context-gauge";
import { Destination } from "./destination";
import type { Shared } from "./new-chat";
import { useOpenChat, useThreadState } from "./stream";
import type { Thread } from "./thread";
import { ThinkingTime } from "./thinking-time";
import { Transcript } from "./transcript";
import { useSending } from "./use-sending";

/** Only a chat without a message needs them. */
const FirstSteps = part(async () => (await import("./first-steps")).FirstSteps);

const TemporaryBanner = part(async () => (await import("./temporary-banner")).default);

export function OldChat({ id, connect, fileLink, approval, topBar, target, onClosed }: Shared & { id: string; target?: string; onClosed: () => void }) {
  const queries = useQueryClient();
  const info = useQuery(chatQuery(id));
  const onEvent = useCallback(
    (event: ChatEvent) => {
      if (event.type === "chat.changed") keepChat(queries, event.chat);
      if (event.type === "context") {
        const { gauge, summary } = event;
        queries.setQueryData(contextQuery(id).queryKey, (known) => known && { ...known, gauge });
        if (summary) void queries.invalidateQueries({ queryKey: contextQuery(id).queryKey });
      }
      if (event.type === "approval.requested" || event.type === "approval.decided") void queries.invalidateQueries({ queryKey: ["approvals"] });
      if (event.type === "run.finished") void queries.invalidateQueries({ queryKey: limitsQuery.queryKey });
      if (event.type === "memory.changed") void queries.invalidateQueries({ queryKey: memoryQuery.queryKey });
    },
    [queries, id],
  );
  const { data: context } = useQuery(contextQuery(id));
  const onOpen = useCallback(() => void queries.invalidateQueries({ queryKey: chatQuery(id).queryKey }), [queries, id]);
  const chat = useOpenChat(id, onEvent, onOpen);
  const { thread, line, isLoaded } = chat;
  const state = useThreadState(thread);
  const composer = useRef<ComposerHandle>(null);
  const onSent = useCallback(
    (sent: Sent) => {
      thread.upsert(sent.message);
      thread.upsert(sent.answer);
    },
    [thread],
  );
  const sending = useSending({ chat: id, isKept: !info.data?.temporary, onSent: (_, sent) => onSent(sent) });
  const [stopping, setStopping] = useState<string | null>(null);

  async function stop() {
    const run = state.run;
    if (!run) return;
    setStopping(run);
    try {
      await chats.stop(run);
    } catch (error) {
      setStopping(null);
      showToast({ text: t("chat.stop.failed", { problem: problemOf(error).title }) });
    }
  }

  async function think(effort: Effort) {
    const before = info.data;
    if (!before) return;
    keepChat(queries, { ...before, effort });
    try {
      keepChat(queries, await chats.think(id, effort));
    } catch (error) {
      keepChat(queries, before);
      showToast({ text: problemOf(error).title });
    }
  }

  // The list may know the chat from before it had a name.
  useEffect(() => {
    if (info.data) keepChat(queries, info.data);
  }, [queries, info.data]);

  // The title of a page stands in the browser's history; that of a temporary chat would be its first words.
  const title = info.data?.temporary ? t("temporary.title") : info.data?.title || t("chat.untitled");
  usePageTitle(`${title} · ${t("brand")}`);
  const isMissing = chat.problem?.status === 404 || (info.isError && problemOf(info.error).status === 404);
  const isEmpty = isLoaded && state.order.length === 0;

  return (
    <>
      {topBar(title, isEmpty ? undefined : <Tokens thread={thread} order={state.order} />)}
      {info.data?.temporary && <TemporaryBanner chat={id} onClosed={onClosed} />}
      {line === "reconnecting" && (
        <p role="status" className="border-b border-line bg-sunken px-4 py-1 text-center text-[13px] text-ink-2">
          {t("chat.reconnecting")}
        </p>
      )}
      {isMissing ? (
        <div className="min-h-0 flex-1 p-6">
          <ProblemNotice problem={{ title: t("chat.missing.title"), next_step: t("chat.missing.next") }} className="mx-auto max-w-[43rem]" />
        </div>
      ) : (
        <>
          {isEmpty ? (
            <div className="min-h-0 flex-1 overflow-y-auto px-3 sm:px-6">
              <FirstSteps connect={connect} onExample={(text: string) => composer.current?.fill(text)} />
            </div>
          ) : isLoaded || state.order.length > 0 ? (
            <ApprovalPlace value={approval}>
              <Transcript chat={chat} onSent={onSent} fileLink={fileLink} summaries={context?.summaries ?? NO_SUMMARIES} target={target} />
            </ApprovalPlace>
          ) : (
            <div className="min-h-0 flex-1 px-6 pt-8">
              <div className="mx-auto max-w-[43rem]">{chat.problem ? <ProblemNotice problem={chat.problem} kept={t("chat.load.kept")} /> : <Skeleton label={t("loading")} lines={5} />}</div>
            </div>
          )}
          {state.problem && (
            <div className="px-3 sm:px-6">
              <ProblemNotice problem={state.problem} className="mx-auto mb-2 max-w-[43rem]" />
            </div>
          )}
          <Composer ref={composer} sending={sending} isRunning={state.run !== null} isStopping={stopping !== null && stopping === state.run} onStop={() => void stop()} onEditLast={() => thread.edit(thread.lastQuestion() ?? null)} gauge={<ContextGauge gauge={context?.gauge} />} choices={<ThinkingTime value={info.data?.effort ?? "normal"} onChange={(effort) => void think(effort)} />} destination={<Destination />} />
        </>
      )}
    </>
  );
}

const NO_SUMMARIES: Context["summaries"] = [];

/** What the answers shown here have used. */
function Tokens({ thread, order }: { thread: Thread; order: readonly string[] }) {
  const [total, setTotal] = useState(0);
  useEffect(() => {
    const add = () => setTotal(order.reduce((sum, id) => sum + used(thread.message(id)), 0));
    add();
    const stops = order.map((id) => thread.subscribeTo(id, add));
    return () => {
      for (const stop of stops) stop();
    };
  }, [thread, order]);
  return total > 0 ? <span className="num text-[13px] whitespace-nowrap text-ink-3">{t("message.tokens", { tokens: count(total) })}</span> : null;
}

function used(message: Message | undefined): number {
  const usage = message?.usage;
  return usage ? usage.input + usage.output + usage.cache_read + usage.cache_write : 0;
}
