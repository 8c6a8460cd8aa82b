// The bar above a page.
import { Menu as MenuIcon } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "../i18n/t";
import { IconButton } from "../ui/button";
import { OpenDrawer } from "./drawer";

/** On narrow screens it holds the way to the drawer. */
export function TopBar({ title, note, isHeading }: { title: string; note?: ReactNode; isHeading?: boolean }) {
  const Title = isHeading ? "h1" : "p";
  const open = OpenDrawer.use();
  return (
    <header className="flex h-13 shrink-0 items-center gap-3 border-b border-line px-3 sm:px-6">
      <IconButton label={t("shell.menu")} aria-haspopup="dialog" onClick={open} className="-ms-1 border border-line bg-surface md:hidden">
        <MenuIcon aria-hidden className="size-5" />
      </IconButton>
      <Title className="title min-w-0 flex-1 truncate text-[18px]">{title}</Title>
      {note}
    </header>
  );
}
