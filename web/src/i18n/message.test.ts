// Messages with placeholders, from what the build's own parser makes of them.
import { parse } from "@formatjs/icu-messageformat-parser";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { format, type Piece, type Values } from "./message";

const say = (message: string, values: Values = {}, locale = "en") => format(parse(message, { captureLocation: false }) as unknown as Piece[], values, locale);

describe("a message", () => {
  test.each<[string, Values, string]>([
    ["Hello {name}, it’s {day}.", { name: "Mira", day: "Friday" }, "Hello Mira, it’s Friday."],
    ["{name}", { name: null }, ""],
    ["{n, number} tokens", { n: 12345 }, "12,345 tokens"],
    ["{share, number, ::percent}", { share: 0.634 }, "63%"],
    ["{seconds, number, ::.0} s", { seconds: 1.25 }, "1.3 s"],
    ["{n, plural, one {# call} other {# calls}}", { n: 1 }, "1 call"],
    ["{n, plural, one {# call} other {# calls}}", { n: 1200 }, "1,200 calls"],
    ["{n, plural, =0 {nothing} one {# call} other {# calls}}", { n: 0 }, "nothing"],
    ["{n, plural, offset:1 =1 {you} other {you and # more}}", { n: 3 }, "you and 2 more"],
    ["{n, selectordinal, one {#st} two {#nd} few {#rd} other {#th}}", { n: 22 }, "22nd"],
    ["{p, select, 100 {reached} other {{p} % used}}", { p: "80" }, "80 % used"],
    ["{p, select, 100 {reached} other {{p} % used}}", { p: "100" }, "reached"],
    ["{p, select, a {x} other {y}}", { p: "toString" }, "y"],
    ["{p, select, yes {{n, plural, one {# more} other {# more}}} other {}}", { p: "yes", n: 2 }, "2 more"],
    ["It''s '{'plain'}'", {}, "It's {plain}"],
  ])("%s with %j is %s", (message, values, said) => {
    expect(say(message, values)).toBe(said);
  });

  test("follows the rules of its language", () => {
    const message = "{n, plural, one {# plik} few {# pliki} many {# plików} other {# pliku}}";
    expect([1, 3, 5, 1.5].map((n) => say(message, { n }, "pl"))).toEqual(["1 plik", "3 pliki", "5 plików", "1,5 pliku"]);
  });

  test("of the catalogue uses nothing that is not known here", () => {
    const folder = new URL("./", import.meta.url);
    const all = readdirSync(folder).filter((name) => name.endsWith(".json")).flatMap((name) => Object.values(JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Record<string, string>));
    expect(all.length).toBeGreaterThan(400);
    const kinds = new Set<number>();
    const look = (pieces: Piece[]): void => {
      for (const piece of pieces) {
        kinds.add(piece.type);
        if ("options" in piece) for (const option of Object.values(piece.options)) look(option.value);
      }
    };
    for (const message of all) look(parse(message, { captureLocation: false }) as unknown as Piece[]);
    expect([...kinds].sort()).toEqual([0, 1, 2, 5, 6, 7]);
  });
});
