// Turns a message that the build has parsed into words. It knows what the catalogue uses of ICU: values, numbers, plurals
// and choices. The test of this file reads the whole catalogue for anything else.

/** A piece of a message, as the parser of the build writes it. */
export type Piece =
  | { type: typeof LITERAL; value: string }
  | { type: typeof VALUE; value: string }
  | { type: typeof NUMBER; value: string; style?: { parsedOptions: Intl.NumberFormatOptions } | null }
  | { type: typeof CHOICE; value: string; options: Options }
  | { type: typeof PLURAL; value: string; options: Options; offset: number; pluralType: Intl.PluralRuleType }
  | { type: typeof POUND };

type Options = Record<string, { value: Piece[] }>;

export type Values = Record<string, string | number | boolean | Date | null | undefined>;

const LITERAL = 0;
const VALUE = 1;
const NUMBER = 2;
const CHOICE = 5;
const PLURAL = 6;
const POUND = 7;

/** `counted` is the number that `#` stands for, inside of a plural. */
export function format(pieces: readonly Piece[], values: Values, locale: string, counted?: number): string {
  const number = (amount: number, options?: Intl.NumberFormatOptions) => numbers(locale, options).format(amount);
  const piece = (one: Piece): string => {
    switch (one.type) {
      case LITERAL:
        return one.value;
      case VALUE:
        return String(values[one.value] ?? "");
      case NUMBER:
        return number(Number(values[one.value]), one.style?.parsedOptions);
      case POUND:
        return number(counted ?? 0);
      case CHOICE:
        return format(chosen(one.options, String(values[one.value])), values, locale, counted);
      case PLURAL: {
        const amount = Number(values[one.value]);
        const rest = amount - one.offset;
        const rule = plurals(locale, one.pluralType).select(rest);
        return format(one.options[`=${amount}`]?.value ?? chosen(one.options, rule), values, locale, rest);
      }
    }
  };
  return pieces.map(piece).join("");
}

const chosen = (options: Options, name: string): Piece[] => (Object.hasOwn(options, name) ? options[name] : options.other)?.value ?? [];

/** What `Intl` makes is slow to make, and the same for every message. */
function kept<A extends unknown[], T>(make: (...given: A) => T): (...given: A) => T {
  const all = new Map<string, T>();
  return (...given) => {
    const key = JSON.stringify(given);
    const known = all.get(key) ?? make(...given);
    all.set(key, known);
    return known;
  };
}

const numbers = kept((locale: string, options?: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options));
const plurals = kept((locale: string, type: Intl.PluralRuleType) => new Intl.PluralRules(locale, { type }));
