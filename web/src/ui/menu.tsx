// A small menu behind a button, on the browser's own popover: it closes by Escape and by a click elsewhere.
import clsx from "clsx";
import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";

interface Item {
  label: string;
  icon: ReactNode;
  isDangerous?: boolean;
  act: () => void;
}

export function Menu({ label, icon, items, className }: { label: string; icon: ReactNode; items: Item[]; className?: string }) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const entries = () => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];

  /** Below the button and inside the window. */
  function place() {
    const box = menu.current;
    const from = button.current?.getBoundingClientRect();
    if (!box || !from) return;
    const left = Math.min(Math.max(8, from.right - box.offsetWidth), window.innerWidth - box.offsetWidth - 8);
    const isAbove = from.bottom + box.offsetHeight + 12 > window.innerHeight;
    box.style.left = `${left}px`;
    box.style.top = `${isAbove ? from.top - box.offsetHeight - 4 : from.bottom + 4}px`;
  }

  function close(): void {
    menu.current?.hidePopover();
    button.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      all[next]?.focus();
    }
    if (event.key === "Tab") menu.current?.hidePopover();
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }

  return (
    <>
      <button
        ref={button}
        type="button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        popoverTarget={id}
        className={clsx("tap inline-flex items-center justify-center rounded-md text-ink-2 hover:bg-sunken hover:text-ink", className)}
      >
        {icon}
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        onKeyDown={onKeyDown}
        onToggle={(event) => {
          setOpen(event.newState === "open");
          if (event.newState !== "open") return;
          place();
          entries()[0]?.focus();
        }}
        className="fixed inset-auto m-0 min-w-40 rounded-lg border border-line bg-surface p-1 text-ink shadow-lift"
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              close();
              item.act();
            }}
            className={clsx("tap flex w-full items-center gap-2.5 rounded-md px-3 py-1.5 text-start text-[14.5px] hover:bg-sunken focus-visible:bg-sunken focus-visible:outline-offset-[-2px]", item.isDangerous ? "text-bad" : "text-ink")}
          >
            {item.icon}
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}
