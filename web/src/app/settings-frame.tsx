// The settings: their pages at the side, or above on a narrow screen.
import { Link, Outlet } from "@tanstack/react-router";
import { useState } from "react";
import { problemOf } from "../api/problem";
import { t } from "../i18n/t";
import { ProblemNotice } from "../ui/problem-notice";
import { settingsPages } from "./places";
import { useAccount, useSignOut } from "./session";
import { TopBar } from "./top-bar";

const ROW = "tap flex items-center rounded-md px-2.5 text-[14.5px] text-ink-2 hover:bg-sunken";

export function SettingsFrame() {
  const account = useAccount();
  const signOut = useSignOut();
  const [problem, setProblem] = useState<ReturnType<typeof problemOf> | null>(null);
  const pages = settingsPages(account.administrator);
  return (
    <>
      <TopBar title={t("nav.settings")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto grid max-w-[60rem] gap-x-10 gap-y-5 px-4 py-6 sm:px-6 lg:grid-cols-[12rem_minmax(0,1fr)] lg:py-9">
          <nav aria-label={t("settings.pages")} className="lg:sticky lg:top-9 lg:self-start">
            <ul className="-mx-1 flex flex-wrap gap-x-1 lg:flex-col">
              {pages.map((page) => (
                <li key={page.to}>
                  <Link to={page.to} activeProps={{ className: "bg-accent-soft text-ink! font-medium" }} className={ROW}>
                    {t(page.label)}
                  </Link>
                </li>
              ))}
              <li>
                <button type="button" onClick={() => void signOut().catch((error: unknown) => setProblem(problemOf(error)))} className={`${ROW} lg:mt-3`}>
                  {t("settings.sign_out")}
                </button>
              </li>
            </ul>
            {problem && <ProblemNotice problem={problem} />}
          </nav>
          <div className="min-w-0">
            <Outlet />
          </div>
        </div>
      </div>
    </>
  );
}
