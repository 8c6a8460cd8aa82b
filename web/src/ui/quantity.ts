// Numbers and amounts of data as people say them.
import { locale } from "../i18n/t";

export const count = (number: number): string => new Intl.NumberFormat(locale).format(number);

/** Millionths of a dollar, with the parts of a cent where that is all there is. */
export const money = (micro: number): string => new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumFractionDigits: micro < 1_000_000 ? 4 : 2 }).format(micro / 1_000_000);

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** "812 bytes", "1.2 kB", "340 MB": three digits at most, steps of a thousand as Intl has them. */
export function dataSize(bytes: number): string {
  let at = 0;
  let amount = bytes;
  // What would be rounded to a thousand is one of the next unit.
  while (amount >= 999.5 && at < UNITS.length - 1) {
    amount /= 1000;
    at += 1;
  }
  const maximumFractionDigits = at === 0 || amount >= 99.95 ? 0 : 1;
  return new Intl.NumberFormat(locale, { style: "unit", unit: UNITS[at], unitDisplay: at === 0 ? "long" : "short", maximumFractionDigits }).format(amount);
}
