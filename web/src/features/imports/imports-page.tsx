// "Bring your chats": the file of another assistant, what is in it, and what came of it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { importsQuery } from "../../api/imports";
import { problemOf } from "../../api/problem";
import "../../i18n/imports";
import { t } from "../../i18n/t";
import { Button } from "../../ui/button";
import { Heading, Section } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { ChooseFile } from "./choose-file";
import { OneImport } from "./one-import";

/** `chatsLink` leads to the list of all chats. */
export function Imports({ chatsLink }: { chatsLink: (children: ReactNode) => ReactNode }) {
  const list = useQuery(importsQuery);
  // What this page still holds is shown where it is sent.
  const [isHeld, setHeld] = useState(false);
  const items = (list.data?.items ?? []).filter((one) => !isHeld || one.state !== "receiving");
  useFreshChats(items.map((one) => `${one.id} ${one.state}`).join());
  return (
    <>
      <Heading title={t("settings.import")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("imports.lead")}</p>
      <Section title={t("imports.file")} hint={t("imports.file.hint")}>
        <ChooseFile onHeld={setHeld} />
        <details className="mt-4 max-w-[42rem] text-[14.5px]">
          <summary className="tap flex w-fit items-center rounded-md text-ink-2 hover:text-ink">{t("imports.how")}</summary>
          <ul className="mt-1 list-disc space-y-1 ps-5 text-ink-2">
            <li>{t("imports.how.chatgpt")}</li>
            <li>{t("imports.how.claude")}</li>
            <li>{t("imports.how.mail")}</li>
          </ul>
        </details>
      </Section>
      <Section title={t("imports.yours")}>
        {list.isPending && <Skeleton label={t("loading")} lines={3} />}
        {list.isError && (
          <ProblemNotice problem={problemOf(list.error)}>
            <Button isBusy={list.isFetching} onClick={() => void list.refetch()}>
              {t("failure.again")}
            </Button>
          </ProblemNotice>
        )}
        {list.isSuccess && items.length === 0 && (
          <div>
            <p className="font-medium">{t("imports.none")}</p>
            <p className="mt-1 text-ink-2">{t("imports.none.example")}</p>
          </div>
        )}
        <ul className="space-y-4">
          {items.map((one) => (
            <li key={one.id}>
              <OneImport one={one} chatsLink={chatsLink} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

/** The lists of chats are asked for again when an import has made or taken away some. */
function useFreshChats(states: string): void {
  const queries = useQueryClient();
  const before = useRef(states);
  useEffect(() => {
    if (before.current === states) return;
    before.current = states;
    void queries.invalidateQueries({ queryKey: ["chats"] });
  }, [states, queries]);
}
