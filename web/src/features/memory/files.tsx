// What the assistant remembers: the files, as they lie on the disk.
import { useQuery } from "@tanstack/react-query";
import { FileText } from "lucide-react";
import type { ReactNode } from "react";
import { problemOf } from "../../api/problem";
import { memoryQuery } from "../../api/queries";
import "../../i18n/memory";
import { t } from "../../i18n/t";
import { Heading } from "../../ui/page";
import { ProblemNotice } from "../../ui/problem-notice";
import { Skeleton } from "../../ui/skeleton";
import { count } from "../../ui/quantity";
import { When } from "../../ui/time";

interface Props {
  link: (path: string, children: ReactNode) => ReactNode;
  chatLink: (children: ReactNode) => ReactNode;
}

export function MemoryFiles({ link, chatLink }: Props) {
  const list = useQuery(memoryQuery);
  return (
    <>
      <Heading title={t("memory.title")} site={t("brand")} />
      <p className="mt-2 mb-6 max-w-[42rem] text-ink-2">{t("memory.lead")}</p>
      {list.isPending && <Skeleton label={t("loading")} lines={4} />}
      {list.isError && <ProblemNotice problem={problemOf(list.error)} />}
      {list.data?.items.length === 0 && (
        <div className="border-t border-line py-6">
          <p className="font-medium">{t("memory.empty.title")}</p>
          <p className="mt-1 text-ink-2">{t("memory.empty.example")}</p>
          <p className="mt-4">{chatLink(t("memory.empty.do"))}</p>
        </div>
      )}
      <ul className="border-t border-line empty:hidden">
        {list.data?.items.map((file) => (
          <li key={file.path} className="border-b border-line">
            {link(
              file.path,
              <>
                <FileText aria-hidden className="size-4.5 shrink-0 text-ink-3" />
                <span className="min-w-0 flex-1 font-mono text-[13.5px] break-all">{file.path}</span>
                <span className="num text-[13px] text-ink-3 max-sm:hidden">{t("memory.bytes", { bytes: count(file.size) })}</span>
                <When at={file.updated} className="text-[13px] text-ink-3" />
              </>,
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
