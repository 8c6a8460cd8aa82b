// Into which folder a chat goes: none, one that is there, or a new one.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { folders } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import { foldersQuery } from "../../api/queries";
import type { Chat } from "../../api/types";
import "../../i18n/chats";
import { t } from "../../i18n/t";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { ProblemNotice } from "../../ui/problem-notice";
import { changeChat } from "./chat-acts";

const NEW = "new";

export default function MoveDialog({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const queries = useQueryClient();
  const list = useQuery(foldersQuery);
  const items = list.data?.items ?? [];
  const [chosen, setChosen] = useState(chat.folder ?? "");
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function move() {
    setBusy(true);
    try {
      let folder: string | null = chosen || null;
      if (chosen === NEW) {
        folder = (await folders.create(name)).id;
        await queries.invalidateQueries(foldersQuery);
      }
      onClose();
      await changeChat(queries, chat, { folder }, "chats.change.failed");
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  }

  const choice = (value: string, label: string) => (
    <label key={value} className="tap flex items-center gap-3 rounded-md px-2 py-1 text-ink hover:bg-sunken">
      <input type="radio" name="folder" value={value} checked={chosen === value} onChange={() => setChosen(value)} className="size-4.5 shrink-0 accent-(--accent)" />
      <span className="min-w-0 flex-1 truncate">{label}</span>
    </label>
  );
  return (
    <Dialog isOpen title={t("chats.move.title", { title: chat.title || t("chat.untitled") })} confirm={t("chats.move.do")} cancel={t("cancel")} isBusy={isBusy} onConfirm={() => void move()} onClose={onClose}>
      <fieldset className="max-h-[50vh] overflow-y-auto">
        <legend className="sr-only">{t("chats.move.legend")}</legend>
        {choice("", t("folders.none"))}
        {items.map((folder) => choice(folder.id, folder.name))}
        {choice(NEW, t("folders.new"))}
      </fieldset>
      {chosen === NEW && (
        <div className="mt-2">
          <Field label={t("folders.name")} value={name} maxLength={60} onChange={(event) => setName(event.target.value)} error={problem?.field === "name" ? problem.title : undefined} />
        </div>
      )}
      {problem && problem.field !== "name" && <ProblemNotice problem={problem} className="mt-2" />}
    </Dialog>
  );
}
