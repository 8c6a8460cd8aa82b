// Joins a new chat with the parts that it may not know: settings and the frame.
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { NewChat } from "../../features/chat/new-chat";
import { part } from "../../ui/part";
import { TopBar } from "../top-bar";

/** Only where no provider is connected yet. */
const ConnectProvider = part(async () => (await import("../../features/settings/connect-provider")).ConnectProvider);

const shared = {
  connect: <ConnectProvider />,
  topBar: (title: string, note?: ReactNode) => <TopBar title={title} note={note} isHeading={note !== undefined} />,
};

export function NewChatPage() {
  const navigate = useNavigate();
  // The first message opens the chat: its page is fetched while it is being written.
  useEffect(() => void import("./chat-open").catch(() => undefined), []);
  return <NewChat {...shared} onOpened={(chat) => void navigate({ to: "/chats/$chat", params: { chat } })} />;
}
