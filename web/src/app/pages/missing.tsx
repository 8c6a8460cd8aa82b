// An address that leads nowhere, inside the app: the way on is beside it.
import { Link, useRouterState } from "@tanstack/react-router";
import { t } from "../../i18n/t";
import { buttonClass } from "../../ui/button";
import { Heading } from "../../ui/page";
import { RailEntry } from "../../ui/rail/rail";
import { TopBar } from "../top-bar";

export function MissingPage() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <>
      <TopBar title={t("brand")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">
          <RailEntry mark="plain" isFirst className="rail-title pb-0!">
            <Heading title={t("missing.title")} site={t("brand")} />
            <p className="mt-2 text-ink-2">{t("missing.lead")}</p>
            <p className="mt-1 font-mono text-[13px] text-ink-3">{t("missing.address", { path: `/app${path}` })}</p>
            <div className="mt-5 flex flex-wrap gap-2">
              <Link to="/" className={buttonClass("main")}>
                {t("missing.do")}
              </Link>
              <Link to="/memory" className={buttonClass("plain")}>
                {t("nav.memory")}
              </Link>
              <Link to="/settings" className={buttonClass("plain")}>
                {t("nav.settings")}
              </Link>
            </div>
          </RailEntry>
        </div>
      </div>
    </>
  );
}
