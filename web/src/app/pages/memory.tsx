// Joins the memory pages with their frame.
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { MemoryFile } from "../../features/memory/file";
import { MemoryFiles } from "../../features/memory/files";
import "../../i18n/memory";
import { t } from "../../i18n/t";
import { buttonClass } from "../../ui/button";
import { TopBar } from "../top-bar";

export function MemoryPage() {
  return (
    <Frame>
      <MemoryFiles
        link={(path, children) => (
          <Link to="/memory/files/$" params={{ _splat: path }} className="tap flex items-center gap-3 rounded-sm px-1 py-3 hover:bg-sunken">
            {children}
          </Link>
        )}
        chatLink={(children) => (
          <Link to="/" className={buttonClass("plain")}>
            {children}
          </Link>
        )}
      />
    </Frame>
  );
}

export function MemoryFilePage() {
  const { _splat: path = "" } = useParams({ from: "/signed-in/memory/files/$" });
  return (
    <Frame>
      <MemoryFile
        key={path}
        path={path}
        back={
          <Link to="/memory" className="tap inline-flex items-center underline underline-offset-3 hover:text-ink">
            {t("memory.back")}
          </Link>
        }
      />
    </Frame>
  );
}

function Frame({ children }: { children: ReactNode }) {
  return (
    <>
      <TopBar title={t("nav.memory")} />
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-[46rem] px-4 py-6 sm:px-6 lg:py-9">{children}</div>
      </div>
    </>
  );
}
