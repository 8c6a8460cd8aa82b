// Times as people say them, with the exact one on hover; always in the person's own zone.
import { locale, t } from "../i18n/t";

let zone: string | undefined;

/** Sets the zone of the account; a zone that this browser does not know is ignored. */
export function setTimeZone(name: string | null | undefined): void {
  try {
    zone = name ? new Intl.DateTimeFormat(locale, { timeZone: name }).resolvedOptions().timeZone : undefined;
  } catch {
    zone = undefined;
  }
}

/** Twelve or twenty-four hours is a habit of the person, whatever the language of the app. */
const hourCycle = typeof navigator === "undefined" ? undefined : new Intl.DateTimeFormat(navigator.language, { hour: "numeric" }).resolvedOptions().hourCycle;

const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { ...options, hourCycle, timeZone: zone });

/** The calendar day, for comparing. */
export function dayOf(date: Date): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(date);
}

export function clockTime(iso: string): string {
  return format({ hour: hourCycle === "h12" ? "numeric" : "2-digit", minute: "2-digit" }).format(new Date(iso));
}

export function fullTime(iso: string): string {
  return format({ dateStyle: "full", timeStyle: "short" }).format(new Date(iso));
}

/** "Today", "Yesterday", or the date. */
export function dayName(iso: string, now = new Date()): string {
  const date = new Date(iso);
  const day = dayOf(date);
  if (day === dayOf(now)) return t("time.today");
  if (day === dayOf(new Date(now.getTime() - 86_400_000))) return t("time.yesterday");
  const isThisYear = day.slice(0, 4) === dayOf(now).slice(0, 4);
  return format({ day: "numeric", month: "long", year: isThisYear ? undefined : "numeric" }).format(date);
}

export function When({ at, className }: { at: string; className?: string }) {
  return (
    <time dateTime={at} title={fullTime(at)} className={className}>
      {dayName(at) === t("time.today") ? clockTime(at) : t("time.at", { day: dayName(at), time: clockTime(at) })}
    </time>
  );
}

/** A day of the calendar that belongs to no zone: "2026-11-21" as people say it. */
export function calendarDay(day: string, now = new Date()): string {
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return day;
  const year = day.slice(0, 4) === now.toISOString().slice(0, 4) ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year, timeZone: "UTC" }).format(date);
}
