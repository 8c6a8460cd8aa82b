// Joins the chat with the parts that it may not know: settings, memory, and the frame.
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { NewChat, OldChat } from "../../features/chat/chat-page";
import { ConnectProvider } from "../../features/settings/connect-provider";
import { t } from "../../i18n/t";
import { buttonClass } from "../../ui/button";
import { TopBar } from "../shell";

const shared = {
  connect: <ConnectProvider />,
  topBar: (title: string, note?: ReactNode) => <TopBar title={title} note={note} isHeading={note !== undefined} />,
  fileLink: (path: string) => (
    <Link to="/memory/files/$" params={{ _splat: path }} className={buttonClass("bare")}>
      {t("memory.history.open")}
    </Link>
  ),
};

export function NewChatPage() {
  const navigate = useNavigate();
  return <NewChat {...shared} onOpened={(chat) => void navigate({ to: "/chats/$chat", params: { chat } })} />;
}

export function OldChatPage() {
  const { chat } = useParams({ from: "/signed-in/chats/$chat" });
  return <OldChat key={chat} id={chat} {...shared} />;
}
