// The page around a sign-in or sign-up form.
import type { ReactNode } from "react";
import { t } from "../../i18n/t";
import { Heading } from "../../ui/page";

export function AuthFrame({ title, lead, mark, children }: { title: string; lead?: string; mark: ReactNode; children: ReactNode }) {
  return (
    <main className="mx-auto flex min-h-full w-full max-w-[26rem] flex-col px-5 py-10 sm:py-16">
      <a href="/" className="tap flex w-fit items-center gap-2.5 pe-2">
        {mark}
        <span className="title text-[21px]">{t("brand")}</span>
      </a>
      <Heading title={title} site={t("brand")} className="title mt-8 text-[30px] leading-tight" />
      {lead && <p className="mt-2 text-ink-2">{lead}</p>}
      <div className="mt-7">{children}</div>
    </main>
  );
}
