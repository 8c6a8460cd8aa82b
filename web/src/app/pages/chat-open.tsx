// Joins an open chat with the parts that it may not know: settings, memory, and the frame.
import { Link, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Approval } from "../../api/types";
import { OldChat } from "../../features/chat/chat-page";
import { t } from "../../i18n/t";
import { buttonClass } from "../../ui/button";
import { part } from "../../ui/part";
import { TopBar } from "../top-bar";

const ConnectProvider = part(async () => (await import("../../features/settings/connect-provider")).ConnectProvider);

const ApprovalCard = part(async () => (await import("../../features/approvals/card")).default);

const shared = {
  connect: <ConnectProvider />,
  topBar: (title: string, note?: ReactNode) => <TopBar title={title} note={note} isHeading={note !== undefined} />,
  approval: (approval: Approval) => <ApprovalCard approval={approval} />,
  fileLink: (path: string) => (
    <Link to="/memory/files/$" params={{ _splat: path }} className={buttonClass("bare")}>
      {t("memory.history.open")}
    </Link>
  ),
};

export function OldChatPage() {
  const { chat } = useParams({ from: "/signed-in/chats/$chat" });
  const target = useLocation({ select: (location) => location.hash }) || undefined;
  const navigate = useNavigate();
  return <OldChat key={chat} id={chat} target={target} onClosed={() => void navigate({ to: "/" })} {...shared} />;
}
