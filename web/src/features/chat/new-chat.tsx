// The page of the chat that the next message begins.
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { accountQuery } from "../../api/queries";
import type { Approval, Effort } from "../../api/types";
import { t } from "../../i18n/t";
import { Composer, type ComposerHandle } from "./composer";
import { Destination } from "./destination";
import { FirstSteps } from "./first-steps";
import { ThinkingTime } from "./thinking-time";
import { useSending } from "./use-sending";

/** What the pages of chats get from the shell. */
export interface Shared {
  /** How a provider is connected; the shell knows. */
  connect: ReactNode;
  fileLink: (path: string) => ReactNode;
  /** How an approval request is shown. */
  approval: (approval: Approval) => ReactNode;
  /** The bar above; with a note its title is the heading of the page. */
  topBar: (title: string, note?: ReactNode) => ReactNode;
}

export function NewChat({ connect, topBar, onOpened }: Omit<Shared, "fileLink" | "approval"> & { onOpened: (chat: string) => void }) {
  const { data: account } = useQuery(accountQuery);
  const composer = useRef<ComposerHandle>(null);
  const [effort, setEffort] = useState<Effort>("normal");
  const sending = useSending({ chat: null, effort, onSent: (chat) => onOpened(chat) });
  return (
    <>
      {topBar(t("chat.new"))}
      <div className="min-h-0 flex-1 overflow-y-auto px-3 sm:px-6">
        <FirstSteps name={account?.name} connect={connect} onExample={(text) => composer.current?.fill(text)} />
      </div>
      <Composer ref={composer} sending={sending} isRunning={false} isStopping={false} onStop={() => {}} choices={<ThinkingTime value={effort} onChange={setEffort} />} destination={<Destination />} />
    </>
  );
}
