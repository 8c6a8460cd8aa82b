// How a language is called: in a text, for the grammar, and for people.

/** The name of the grammar first, then the name for people, then what else is written behind the fence. */
const KNOWN: ReadonlyArray<readonly [grammar: string, name: string, ...others: string[]]> = [
  ["bash", "Shell", "sh", "shell", "zsh", "shellscript", "console"],
  ["c", "C", "h"],
  ["cpp", "C++", "c++", "cc", "hpp"],
  ["csharp", "C#", "cs", "c#"],
  ["css", "CSS"],
  ["diff", "Diff", "patch"],
  ["docker", "Dockerfile", "dockerfile"],
  ["go", "Go", "golang"],
  ["html", "HTML", "htm"],
  ["ini", "INI", "conf", "properties"],
  ["java", "Java"],
  ["javascript", "JavaScript", "js", "mjs", "cjs", "node"],
  ["json", "JSON", "jsonc", "json5"],
  ["jsx", "JSX"],
  ["kotlin", "Kotlin", "kt", "kts"],
  ["lua", "Lua"],
  ["make", "Makefile", "makefile"],
  ["markdown", "Markdown", "md"],
  ["php", "PHP"],
  ["powershell", "PowerShell", "ps1", "pwsh"],
  ["python", "Python", "py", "python3"],
  ["r", "R"],
  ["ruby", "Ruby", "rb"],
  ["rust", "Rust", "rs"],
  ["sql", "SQL", "postgresql", "sqlite", "mysql"],
  ["swift", "Swift"],
  ["toml", "TOML"],
  ["tsx", "TSX"],
  ["typescript", "TypeScript", "ts", "mts"],
  ["xml", "XML", "svg"],
  ["yaml", "YAML", "yml"],
];

const BY_NAME = new Map(KNOWN.flatMap(([grammar, name, ...others]) => [grammar, ...others].map((word) => [word, { grammar, name }])));

export interface Language {
  /** What stands above the code. */
  name: string;
  /** The grammar that colours it; without one it stays plain. */
  grammar: string | null;
}

/** Reads what stands behind the fence: its first word names the language. */
export function languageOf(info: string): Language {
  const word = info.trim().split(/[\s,{]+/)[0]?.slice(0, 24) ?? "";
  return BY_NAME.get(word.toLowerCase()) ?? { name: word, grammar: null };
}

export const LANGUAGES: readonly string[] = KNOWN.map(([grammar]) => grammar);
