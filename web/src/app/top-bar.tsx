// The bar above a page.
import { Menu as MenuIcon } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "../i18n/t";
import { IconButton } from "../ui/button";
import { OpenDrawer } from "./drawer";
import { useNeeds } from "./needs";

/** On narrow screens it holds the way to the drawer. */
export function TopBar({ title, note, isHeading }: { title: string; note?: ReactNode; isHeading?: boolean }) {
  const Title = isHeading ? "h1" : "p";
  const open = OpenDrawer.use();
  const needs = useNeeds();
  return (
    <header className="flex h-13 shrink-0 items-center gap-3 border-b border-line px-3 sm:px-6">
      <IconButton label={needs ? `${t("shell.menu")}, ${t("nav.needs.count", { count: needs })}` : t("shell.menu")} aria-haspopup="dialog" onClick={open} className="relative -ms-1 border border-line bg-surface md:hidden">
        <MenuIcon aria-hidden className="size-5" />
        {needs > 0 && <span aria-hidden className="num absolute -end-1.5 -top-1.5 min-w-4.5 rounded-full border border-wait-line bg-wait-soft px-1 text-center text-[11.5px] leading-4 font-semibold text-wait">{needs}</span>}
      </IconButton>
      <Title className="title min-w-0 flex-1 truncate text-[18px]">{title}</Title>
      {note}
    </header>
  );
}
