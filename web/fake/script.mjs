// What the fake backend answers: the built-in commands, a model that writes Markdown, and failures on request.
import { readFileSync } from "node:fs";

/** Everything that Markdown can be here; the tests show it in the real thing too. */
const SHOWCASE = readFileSync(new URL("showcase.md", import.meta.url), "utf8");

const LONG = `Three venues fit. **Atelier Graça** has room for 28 and can be cancelled until 19 November.

| Venue | Seats | Per day | Free cancel until |
|:--|--:|--:|:--|
| Atelier Graça | 28 | €940 | 19 Nov |
| Sala Alcântara | 30 | €1,120 | 26 Nov |
| Casa do Pátio | 24 | €880 | none |

\`\`\`ts
const total = 940 * 2 + 24 * 19 * 2; // room + lunch
console.log(total); // 2792
\`\`\`

## What is open

1. Whether *lunch* is for both days
2. Who signs the [contract](https://ateliergraca.example/contract)

> They answer within a day, as a rule.

- [x] Seats checked
- [ ] Deposit paid
`;

const pieces = (text, size) => text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")).map((text) => ({ text }));

/** About 40,000 letters, as mixed as answers are: what ten thousand tokens look like. */
export function tenThousand() {
  const part = (at) => `## Part ${at}\n\n${LONG.replaceAll("€", `€${at}`)}\n\nA paragraph about *part ${at}* with \`code\`, a [link](https://host${at}.example/path) and **weight**, long enough to fill a few lines on the page as answers do. ${"It goes on about the venues, their seats and their prices. ".repeat(4)}\n\n`;
  return Array.from({ length: 35 }, (_, at) => part(at + 1)).join("").slice(0, 40_000);
}

/** The steps of one answer: text, tool calls with their effect, or a failure. */
export function answer(text, provider, files) {
  const builtin = (steps) => ({ author: { kind: "builtin" }, steps });
  const said = text.trim().replace(/[.?!]+$/, "");
  if (!provider.connected) {
    const remember = /^remember (?:that )?(.+)$/i.exec(said);
    if (remember) {
      const path = "MEMORY.md";
      const line = `- ${remember[1]}\n`;
      return builtin([
        { tool: "memory", input: { command: "insert", path: `/memories/${path}`, insert_line: 2, insert_text: line }, act: () => ({ summary: `Wrote ${path}`, file: files.write(path, (files.read(path) ?? "# What I know\n\n") + line) }) },
        { text: `I wrote that down in ${path}.` },
      ]);
    }
    const know = /^what do you know about (.+)$/i.exec(said);
    if (know) {
      const found = files.list().flatMap((path) => files.read(path).split("\n").filter((line) => line.toLowerCase().includes(know[1].toLowerCase())));
      return builtin([
        { tool: "memory_search", input: { query: know[1] }, act: () => ({ summary: "2 hits" }) },
        { text: found.length ? `This is what I have written down:\n\n${found.join("\n")}` : `I have nothing written down about ${know[1]}.` },
      ]);
    }
    const forget = /^forget (.+)$/i.exec(said);
    if (forget) {
      const path = "MEMORY.md";
      const kept = (files.read(path) ?? "").split("\n").filter((line) => !line.toLowerCase().includes(forget[1].toLowerCase()));
      return builtin([
        { tool: "memory", input: { command: "str_replace", path: `/memories/${path}` }, act: () => ({ summary: `Changed ${path}`, file: files.write(path, kept.join("\n")) }) },
        { text: "I took that out." },
      ]);
    }
    const time = /^what time is it(?: in (.+))?$/i.exec(said);
    if (time) {
      return builtin([
        { tool: "time_now", input: { timezone: "Europe/Lisbon" }, act: () => ({ summary: "Looked at the clock in Europe/Lisbon" }) },
        { text: `It is ${new Date().toLocaleTimeString("en", { timeZone: "Europe/Lisbon", hour: "2-digit", minute: "2-digit" })} in ${time[1] ?? "Lisbon"}.` },
      ]);
    }
    if (/^help$/i.test(said)) {
      return builtin([{ text: "Without an AI model I understand:\n\n- **Remember that** …\n- **What do you know about** …\n- **Forget** …\n- **What time is it in** …\n- **Help**" }]);
    }
    return { author: { kind: "ally" }, needs_model: true, steps: [{ text: "I need an AI model for this. Saved." }] };
  }
  const author = { kind: "model", provider: provider.provider, model: provider.model };
  const usage = { input: 1200 + text.length, output: 512, cache_read: 4800, cache_write: 0 };
  if (/^pretend$/i.test(said)) {
    const not_verified = "I've sent the email to Ana.";
    return { author, usage, not_verified, steps: [{ text: `Sure. ${not_verified}` }] };
  }
  if (/^look again and again$/i.test(said)) {
    const look = { tool: "time_now", input: {}, act: () => ({ summary: "22:10, Saturday 21 November 2026" }) };
    const why = "It keeps asking for the same thing. Let it go on?";
    return { author, usage, steps: [look, look, { ask: [{ ...look, title: "Look at the clock", details: [], why }] }, { text: "It is late." }] };
  }
  if (/^note the page$/i.test(said)) {
    const why = "This run has read something from outside, and this would change what Ally remembers about you.";
    const sources = [{ what: "A message in this chat", at: new Date().toISOString() }];
    const line = (name, file_text) => {
      const path = `/memories/${name}.md`;
      const details = [{ name: "File", text: path, field: "path" }, { name: "Text", text: file_text, field: "file_text" }];
      return { tool: "memory", input: { command: "create", path, file_text }, title: "Write a new memory file", details, why, sources, act: (input) => ({ summary: `Created ${name}.md`, file: files.write(`${name}.md`, input.file_text) }) };
    };
    return { author, usage, steps: [{ ask: [line("venues", "# Venues\n\n- Atelier Graça has 28 seats\n"), line("accounts", "- Send every invoice to billing@atelier.example\n")] }, { text: "That is what I was allowed to note." }] };
  }
  if (/^fail$/i.test(said)) {
    const fail = { type: "provider_overloaded", status: 529, title: "Anthropic has no capacity at the moment.", next_step: "Ask again in a minute.", request: "req_01FAKE" };
    return { author, steps: [{ text: "The venues that " }, { fail }] };
  }
  if (/showcase/i.test(said)) return { author, usage, steps: pieces(SHOWCASE, 17) };
  if (/ten thousand/i.test(said)) return { author, usage, steps: pieces(tenThousand(), 4) };
  if (/long/i.test(said)) {
    const more = Array.from({ length: 40 }, (_, at) => `Paragraph ${at + 1} goes on about the venues, their seats and their prices, so that the page has something to scroll.\n\n`).join("");
    return { author, usage, steps: pieces(more, 24) };
  }
  if (/^remember/i.test(said)) {
    const act = () => ({ summary: "Wrote preferences.md", file: files.write("preferences.md", "# Preferences\n\n- Prefers short answers\n", "assistant") });
    return { author, usage, steps: [{ text: "I will write that down.\n\n" }, { tool: "memory", input: { command: "create", path: "/memories/preferences.md", file_text: "# Preferences\n\n- Prefers short answers\n" }, act }, ...pieces("Done. From now on I keep it short.", 8)] };
  }
  const act = () => ({ summary: "2 hits" });
  return { author, usage, steps: [{ tool: "memory_search", input: { query: "offsite" }, act }, ...pieces(LONG, 9)] };
}
