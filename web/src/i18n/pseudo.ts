// A language that nobody speaks: accents, brackets and a third more length, with the placeholders left alone.

interface Element {
  type: number;
  value?: unknown;
  options?: Record<string, { value: Element[] }>;
}

const PLAIN = "aceinosuyACEINOSUY";
const ACCENTED = "áçéíñóšúýÁÇÉÍÑÓŠÚÝ";

export function pseudo<T>(elements: T): T {
  const list = elements as unknown as Element[];
  return [{ type: 0, value: "⟦" }, ...list.map(element), { type: 0, value: "⟧" }] as unknown as T;
}

function element(one: Element): Element {
  if (one.type === 0 && typeof one.value === "string") return { ...one, value: stretch(one.value) };
  if (!one.options) return one;
  const options = Object.fromEntries(Object.entries(one.options).map(([name, o]) => [name, { ...o, value: o.value.map(element) }]));
  return { ...one, options };
}

export function stretch(text: string): string {
  const accented = [...text].map((letter) => (PLAIN.includes(letter) ? (ACCENTED[PLAIN.indexOf(letter)] ?? letter) : letter)).join("");
  return accented.length > 3 ? accented + "·".repeat(Math.ceil(accented.length / 3)) : accented;
}
