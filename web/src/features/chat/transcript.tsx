// The conversation: follows the answer only while the person is at its end, and reads older messages as she goes up.
import clsx from "clsx";
import { ArrowDown } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { problemOf } from "../../api/problem";
import type { Message, Sent, Summary } from "../../api/types";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { showToast } from "../../ui/toast";
import { MessageEntry } from "./message";
import { type OpenChat, useThreadState } from "./stream";
import { SummaryEntry } from "./summary-entry";

interface Props {
  chat: OpenChat;
  onSent: (sent: Sent) => void;
  fileLink: (path: string) => ReactNode;
  /** The message that the address names: it is brought into view and marked. */
  target?: string;
  summaries: readonly Summary[];
}

/** The last ones change and are followed; all before them are laid out only where they can be seen. */
const ALWAYS_LAID_OUT = 4;

export function Transcript({ chat, onSent, fileLink, target, summaries }: Props) {
  const { thread, loadOlder, show } = chat;
  const { order, older, isTurning } = useThreadState(thread);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(false);
  const hasOpened = useRef(false);
  const anchor = useRef<{ item: Element; top: number } | null>(null);
  const revealed = useRef<string>(null);
  const lastTop = useRef(0);
  const height = useRef(0);
  const [isAway, setAway] = useState(false);
  const [loading, setLoading] = useState<"idle" | "busy" | "failed">("idle");
  const [announced, setAnnounced] = useState("");

  useEffect(() => {
    thread.onFinished = (message) => setAnnounced(announcement(message));
    return () => {
      thread.onFinished = () => {};
    };
  }, [thread]);

  const toEnd = useCallback((behavior: ScrollBehavior) => {
    const box = scroller.current;
    box?.scrollTo({ top: box.scrollHeight, behavior });
  }, []);

  // While another version is being read the page stays as long as it was, and afterwards what stands before it stays where
  // it is, or the view would jump.
  useLayoutEffect(() => {
    const box = content.current;
    if (!box) return;
    box.style.minHeight = isTurning ? `${height.current}px` : "";
    if (!isTurning) return;
    isFollowing.current = false;
    const item = [...box.querySelectorAll("[data-item]")].at(-1);
    anchor.current = item ? { item, top: item.getBoundingClientRect().top } : null;
  }, [isTurning]);

  // Older messages come in above, or another version below: what is being read stays where it is.
  useLayoutEffect(() => {
    if (isTurning) return;
    const held = anchor.current;
    anchor.current = null;
    if (held && order.length > 0) scroller.current?.scrollBy({ top: held.item.getBoundingClientRect().top - held.top, behavior: "instant" });
  }, [order, isTurning]);

  // The chat opens at the message that its address names, or else at the last question, so that a long answer is read
  // from its start.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || order.length === 0) return;
    if (target && target !== revealed.current) {
      const found = box.querySelector<HTMLElement>(`[data-item="${CSS.escape(target)}"]`);
      if (found) {
        revealed.current = target;
        found.scrollIntoView({ block: "start" });
        found.focus({ preventScroll: true });
        isFollowing.current = false;
        hasOpened.current = true;
      }
    }
    if (hasOpened.current) return;
    hasOpened.current = true;
    const questions = box.querySelectorAll<HTMLElement>('[data-role="user"]');
    questions[questions.length - 1]?.scrollIntoView({ block: "start" });
    isFollowing.current = distance(box) < 40;
  }, [order, target]);

  // What grows at the end moves the view only while the person is there.
  useEffect(() => {
    const box = scroller.current;
    if (!box || !content.current) return;
    const observer = new ResizeObserver(() => {
      height.current = content.current?.offsetHeight ?? 0;
      if (isFollowing.current) toEnd("instant");
      setAway(distance(box) > 120);
    });
    observer.observe(content.current);
    observer.observe(box);
    return () => observer.disconnect();
  }, [toEnd]);

  // One's own new message is always brought into view.
  const last = order.at(-1);
  const shownLast = useRef(last);
  useEffect(() => {
    if (hasOpened.current && shownLast.current && last !== shownLast.current && order.includes(shownLast.current)) {
      const isOwn = order.slice(order.indexOf(shownLast.current) + 1).some((id) => thread.message(id)?.role === "user" && thread.hasArrived(id));
      if (isOwn) {
        isFollowing.current = true;
        toEnd("instant");
      }
    }
    shownLast.current = last;
  }, [last, order, thread, toEnd]);

  function onScroll() {
    const box = scroller.current;
    if (!box) return;
    // Only a move upwards is the person's wish to stay; on the way down the end may run ahead.
    if (distance(box) < 40) isFollowing.current = true;
    else if (box.scrollTop < lastTop.current - 1) isFollowing.current = false;
    lastTop.current = box.scrollTop;
    setAway(distance(box) > 120);
  }

  const showOlder = useCallback(async () => {
    setLoading("busy");
    try {
      await loadOlder(() => {
        const box = scroller.current;
        const edge = box?.getBoundingClientRect().top ?? 0;
        const item = [...(box?.querySelectorAll("[data-item]") ?? [])].find((one) => one.getBoundingClientRect().bottom > edge);
        anchor.current = item ? { item, top: item.getBoundingClientRect().top } : null;
      });
      setLoading("idle");
    } catch (error) {
      setLoading("failed");
      showToast({ text: problemOf(error).title });
    }
  }, [loadOlder]);

  // The message that the address names may stand in a version that is not shown: then it is asked for, once.
  const isTargetMissing = target !== undefined && order.length > 0 && !order.includes(target);
  const [sought, setSought] = useState<{ target: string; isThere: boolean }>();
  useEffect(() => {
    if (!isTargetMissing) return;
    show(target).then(
      () => setSought({ target, isThere: true }),
      (error: unknown) => {
        setSought({ target, isThere: false });
        const problem = problemOf(error);
        showToast({ text: problem.status === 404 ? t("chat.message.missing") : problem.title });
      },
    );
  }, [isTargetMissing, target, show]);

  // The page before is read when its place comes near, and as long as that message is further up.
  const isFurtherUp = isTargetMissing && !isTurning && sought?.target === target && sought.isThere;
  useEffect(() => {
    if (!older || loading !== "idle" || order.length === 0) return;
    const rootMargin = isFurtherUp ? "9999999px 0px" : "800px 0px 0px";
    const observer = new IntersectionObserver(([seen]) => seen?.isIntersecting && void showOlder(), { root: scroller.current, rootMargin });
    if (top.current) observer.observe(top.current);
    return () => observer.disconnect();
  }, [older, loading, order, isFurtherUp, showOlder]);

  return (
    <div className="relative min-h-0 flex-1">
      <div ref={scroller} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={t("chat.log")} className="h-full overflow-y-auto px-3 focus-visible:outline-offset-[-3px] sm:px-6">
        <div ref={content} className="rail mx-auto w-full max-w-[43rem] pt-6 pb-10">
          {older && (
            <div ref={top} className="mb-4 text-center">
              <Button look="bare" isBusy={loading === "busy"} onClick={() => void showOlder()}>
                {t("chat.older")}
              </Button>
            </div>
          )}
          {order.map((id, at) => (
            <div key={id} data-item={id} tabIndex={-1} aria-current={id === target ? "location" : undefined} className={clsx("log-item", at < order.length - ALWAYS_LAID_OUT && "is-past")}>
              <MessageEntry thread={thread} id={id} isFirst={at === 0} question={questionBefore(order, at, (one) => thread.message(one))} onSent={onSent} fileLink={fileLink} />
              {summaries.map((summary) => summary.last === id && <SummaryEntry key={summary.id} summary={summary} />)}
            </div>
          ))}
        </div>
      </div>
      {isAway && (
        <div className="pointer-events-none absolute inset-x-0 bottom-2 flex justify-center">
          <Button
            className="pointer-events-auto rounded-full! shadow-lift"
            icon={<ArrowDown aria-hidden className="size-4" />}
            onClick={() => {
              isFollowing.current = true;
              toEnd(matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");
            }}
          >
            {t("chat.latest")}
          </Button>
        </div>
      )}
      <p className="sr-only" role="status" aria-live="polite">
        {announced}
      </p>
    </div>
  );
}

const distance = (box: HTMLElement): number => box.scrollHeight - box.scrollTop - box.clientHeight;

function questionBefore(order: readonly string[], at: number, find: (id: string) => Message | undefined): string | undefined {
  for (let before = at - 1; before >= 0; before--) {
    const message = find(order[before] ?? "");
    if (message?.role === "user") return message.id;
  }
  return undefined;
}

/** Only whole answers are read aloud, never single words as they arrive. */
function announcement(message: Message): string {
  if (message.status === "complete") return t("message.announce", { text: message.text.slice(0, 600) });
  if (message.status === "stopped") return t("message.stopped");
  return message.problem?.title ?? t("message.failed");
}
