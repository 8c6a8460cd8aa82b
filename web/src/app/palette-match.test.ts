import { describe, expect, it } from "vitest";
import { best, rank } from "./palette-match";

describe("the palette", () => {
  const labels = (typed: string) => best([{ label: "New chat" }, { label: "Lisbon offsite" }, { label: "A new lamp" }, { label: "João’s renewal", words: "birthday" }], typed).map((one) => one.label);
  it("shows everything, in order, while nothing is typed", () => {
    expect(labels("")).toEqual(["New chat", "Lisbon offsite", "A new lamp", "João’s renewal"]);
  });
  it("puts beginnings first", () => {
    expect(labels("new")).toEqual(["New chat", "A new lamp", "João’s renewal"]);
  });
  it("wants every word, in any order, whatever their accents", () => {
    expect(labels("offsite lis")).toEqual(["Lisbon offsite"]);
    expect(labels("JOAO")).toEqual(["João’s renewal"]);
    expect(labels("birth")).toEqual(["João’s renewal"]);
    expect(labels("nothing")).toEqual([]);
  });
  it("takes signs as they are", () => {
    expect(rank("C++ (notes)", "c++")).toBe(3);
    expect(rank("C++ (notes)", "(")).toBeGreaterThan(0);
    expect(rank("C++ (notes)", ".*")).toBe(0);
  });
});
