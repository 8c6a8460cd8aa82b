// Search over all chats. What is looked for stays in the tab; only the filters stand in the address.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { problemOf } from "../../api/problem";
import { searchQuery } from "../../api/queries";
import type { Found, SearchFilter } from "../../api/types";
import "../../i18n/chats";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Field, SelectField } from "../../ui/field";
import { Heading } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { When } from "../../ui/time";

interface Props {
  words: string;
  filter: SearchFilter;
  onSearch: (words: string, filter: SearchFilter) => void;
  link: (found: Found, children: ReactNode) => ReactNode;
}

export function SearchPage({ words, filter, onSearch, link }: Props) {
  const [typed, setTyped] = useState(words);
  const input = useRef<HTMLInputElement>(null);
  const asked = words.trim();
  const found = useInfiniteQuery({ ...searchQuery(asked, filter), enabled: asked !== "" });
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  useEffect(() => input.current?.focus(), []);

  function submit(event: FormEvent) {
    event.preventDefault();
    onSearch(typed, filter);
  }
  const status = !asked || found.isPending || found.isError ? "" : t("search.count", { count: items.length, more: found.hasNextPage ? "yes" : "no" });
  return (
    <>
      <Heading title={t("search.title")} site={t("brand")} />
      <form role="search" onSubmit={submit} className="mt-4 flex gap-2">
        <input
          ref={input}
          type="search"
          value={typed}
          aria-label={t("search.words")}
          placeholder={t("search.example")}
          autoComplete="off"
          onChange={(event) => setTyped(event.target.value)}
          className="tap min-h-10 min-w-0 flex-1 rounded-md border border-line-strong bg-surface px-3 py-2 text-[15px]"
        />
        <Button type="submit" look="main" icon={<Search aria-hidden className="size-4" />}>
          {t("search.do")}
        </Button>
      </form>
      <div className="mt-3 mb-5 grid gap-3 sm:grid-cols-3">
        <SelectField label={t("search.role")} value={filter.role ?? ""} onChange={(event) => onSearch(typed, { ...filter, role: (event.target.value || undefined) as SearchFilter["role"] })}>
          <option value="">{t("search.role.any")}</option>
          <option value="user">{t("message.yours")}</option>
          <option value="assistant">{t("message.allys")}</option>
        </SelectField>
        <Field label={t("search.from")} type="date" value={filter.from ?? ""} max={filter.to} onChange={(event) => onSearch(typed, { ...filter, from: event.target.value || undefined })} />
        <Field label={t("search.to")} type="date" value={filter.to ?? ""} min={filter.from} onChange={(event) => onSearch(typed, { ...filter, to: event.target.value || undefined })} />
      </div>
      <p role="status" className="mb-2 text-[14px] text-ink-2">
        {status}
      </p>
      {asked && found.isPending && <Skeleton label={t("loading")} lines={5} />}
      {found.isError && <ProblemNotice problem={problemOf(found.error)} kept={t("search.kept")} />}
      {asked && found.isSuccess && items.length === 0 && <p className="border-t border-line py-6 text-ink-2">{t("search.none")}</p>}
      <ul className="border-t border-line empty:hidden">
        {items.map((one) => (
          <li key={one.message} className="border-b border-line">
            {link(
              one,
              <>
                <span className="flex items-baseline gap-3">
                  <span className="min-w-0 flex-1 truncate font-medium">{one.title || t("chat.untitled")}</span>
                  {one.archived && <span className="text-[13px] text-ink-3">{t("chats.filter.archived")}</span>}
                  <When at={one.created} className="text-[13px] whitespace-nowrap text-ink-3" />
                </span>
                <span className="mt-0.5 block text-[14.5px] text-ink-2">
                  <span className="text-ink-3">{t(one.role === "user" ? "message.yours" : "message.allys")}: </span>
                  <Snippet of={one} />
                </span>
              </>,
            )}
          </li>
        ))}
      </ul>
      {found.hasNextPage && (
        <Button className="mt-3" isBusy={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {t("chats.more")}
        </Button>
      )}
    </>
  );
}

function Snippet({ of }: { of: Found }) {
  let at = 0;
  return of.snippet.map((piece) => {
    at += piece.text.length;
    return piece.marked ? (
      <mark key={at} className="rounded-xs bg-accent-soft text-ink">
        {piece.text}
      </mark>
    ) : (
      <span key={at}>{piece.text}</span>
    );
  });
}
