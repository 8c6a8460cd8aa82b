// The frame of a page that is not a chat: title, sentence, content. Focus comes to its title on navigation.
import { type ReactNode, useEffect, useRef } from "react";

/** Set once the first page is shown: focus is moved by navigation, not by loading. */
let hasNavigated = false;

let pageTitle = "";
let mark = "";

export function usePageTitle(title: string): void {
  useEffect(() => {
    pageTitle = title;
    document.title = mark + title;
  }, [title]);
}

/** What stands before the title of every page. */
export function markTitle(text: string): void {
  mark = text;
  if (pageTitle) document.title = mark + pageTitle;
}

export function Heading({ title, site, className }: { title: string; site: string; className?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  usePageTitle(`${title} · ${site}`);
  useEffect(() => {
    if (hasNavigated) heading.current?.focus({ preventScroll: true });
    hasNavigated = true;
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} className={className ?? "title text-[26px] leading-tight"}>
      {title}
    </h1>
  );
}

export function Section({ title, children, hint }: { title: string; children: ReactNode; hint?: string }) {
  return (
    <section aria-label={title} className="border-t border-line py-6">
      <h2 className="text-[16px] font-semibold">{title}</h2>
      {hint && <p className="mt-1 max-w-[42rem] text-[14.5px] text-ink-2">{hint}</p>}
      <div className="mt-4">{children}</div>
    </section>
  );
}
