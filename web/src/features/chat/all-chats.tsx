// All chats on a page of their own: those in use or those put away, of one folder or of all. The choice stands in the
// address.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { problemOf } from "../../api/problem";
import { chatListQuery, foldersQuery } from "../../api/queries";
import type { ChatFilter } from "../../api/types";
import "../../i18n/chats";
import { t } from "../../i18n/t";
import { SelectField } from "../../ui/field";
import { Heading } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";
import { joined } from "./chat-lists";
import { ChatRow, type Ways } from "./chat-row";

interface Props extends Ways {
  filter: ChatFilter;
  onFilter: (filter: ChatFilter) => void;
}

export function AllChats({ filter, onFilter, link, onGone }: Props) {
  const list = useInfiniteQuery(chatListQuery(filter));
  const folders = useQuery(foldersQuery).data?.items ?? [];
  const isArchive = filter.archived === true;
  const fits = (folder: string | null | undefined) => !filter.folder || (filter.folder === "none" ? !folder : folder === filter.folder);
  const items = joined([list.data]).filter((chat) => chat.archived === isArchive && fits(chat.folder));
  return (
    <>
      <Heading title={t("chats.all")} site={t("brand")} />
      <div className="mt-4 mb-5 flex flex-wrap items-end gap-4">
        <fieldset className="flex min-h-10 rounded-md border border-line-strong">
          <legend className="sr-only">{t("chats.filter")}</legend>
          {[false, true].map((archived) => (
            <button
              key={String(archived)}
              type="button"
              aria-pressed={archived === isArchive}
              onClick={() => onFilter({ ...filter, archived: archived || undefined })}
              className={clsx("tap rounded-md px-3.5 py-1.5 text-[14.5px]", archived === isArchive ? "bg-accent-soft font-medium" : "text-ink-2 hover:bg-sunken")}
            >
              {t(archived ? "chats.filter.archived" : "chats.filter.current")}
            </button>
          ))}
        </fieldset>
        <div className="w-56">
          <SelectField label={t("chats.filter.folder")} value={filter.folder ?? ""} onChange={(event) => onFilter({ ...filter, folder: event.target.value || undefined })}>
            <option value="">{t("chats.filter.any")}</option>
            <option value="none">{t("folders.none")}</option>
            {folders.map((folder) => (
              <option key={folder.id} value={folder.id}>
                {folder.name}
              </option>
            ))}
          </SelectField>
        </div>
      </div>
      {list.isPending && <Skeleton label={t("loading")} lines={5} />}
      {list.isError && <ProblemNotice problem={problemOf(list.error)} />}
      {list.isSuccess && items.length === 0 && (
        <div className="border-t border-line py-6">
          <p className="font-medium">{t(isArchive ? "chats.archive.empty" : "chats.none")}</p>
          {isArchive && <p className="mt-1 text-ink-2">{t("chats.archive.example")}</p>}
        </div>
      )}
      <ul className="-mx-2">
        {items.map((chat) => (
          <ChatRow key={chat.id} chat={chat} isOpen={false} link={link} onGone={onGone} note={<When at={chat.updated} className="text-[13px] text-ink-3 max-sm:hidden" />} />
        ))}
      </ul>
      {list.hasNextPage && (
        <button type="button" className="tap mt-2 rounded-md px-2.5 text-[14px] text-ink-2 hover:bg-sunken" onClick={() => void list.fetchNextPage()}>
          {t("chats.more")}
        </button>
      )}
    </>
  );
}
