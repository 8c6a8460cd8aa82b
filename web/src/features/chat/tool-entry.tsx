// One use of a tool: a quiet line on the rail, opened for what went in and came out.
import clsx from "clsx";
import { ChevronRight } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import type { ToolPart, ToolStatus } from "../../api/types";
import { type Key, t } from "../../i18n/t";
import { part } from "../../ui/part";
import { type MarkState, RailEntry } from "../../ui/rail/rail";

const MemoryNote = part(async () => (await import("./memory-note")).default);

const MARKS: Record<ToolStatus, MarkState> = { running: "live", waiting: "wait", ok: "done", failed: "bad", unknown: "wait" };
const WORDS: Record<ToolStatus, Key> = { running: "tool.running", waiting: "tool.waiting", ok: "tool.ok", failed: "tool.failed", unknown: "tool.unknown" };

export function ToolEntry({ part: call, fileLink }: { part: ToolPart; fileLink: (path: string) => ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <RailEntry mark={MARKS[call.status]} isSmall className="rail-line pb-3">
      <button type="button" aria-expanded={isOpen} aria-controls={id} onClick={() => setOpen(!isOpen)} className="tap -ms-1.5 flex max-w-full items-center gap-1.5 rounded-md px-1.5 text-start text-[14px] text-ink-2 hover:bg-sunken hover:text-ink">
        <span className="min-w-0">{line(call)}</span>
        {call.status !== "ok" && <span className={clsx("shrink-0", call.status === "failed" && "text-bad", (call.status === "unknown" || call.status === "waiting") && "text-wait")}>· {t(WORDS[call.status])}</span>}
        <ChevronRight aria-hidden className={clsx("size-4 shrink-0 transition-transform duration-150 rtl:-scale-x-100", isOpen && "rotate-90")} />
      </button>
      <div id={id} hidden={!isOpen} className="mt-1 rounded-md border border-line bg-sunken px-3 py-2 text-[12.5px]">
        <p className="text-ink-2">
          {t("tool.name")} <code>{call.tool}</code> · {t(WORDS[call.status])}
        </p>
        <pre tabIndex={0} aria-label={t("tool.input")} className="mt-1 max-h-60 overflow-auto whitespace-pre-wrap">
          {JSON.stringify(call.input, null, 2)}
        </pre>
      </div>
      {call.status === "ok" && call.file && <MemoryNote file={call.file} path={relative(call.file.path)} fileLink={fileLink} />}
    </RailEntry>
  );
}

const relative = (path: string): string => path.replace(/^\/+(memories\/+)?/, "");

/** What was done. "2 hits" or "1 file" says little without what was looked for. */
function line(part: ToolPart): string {
  if (part.summary && /^\d/.test(part.summary) && part.tool.startsWith("memory")) return `${describe(part)} · ${part.summary}`;
  return part.summary || describe(part);
}

/** What a tool does, said from its input, until the server has a summary. */
function describe({ tool, input }: ToolPart): string {
  const fields = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const path = relative(String(fields.path ?? ""));
  if (tool === "memory" && fields.command === "view") return path ? t("tool.memory.view", { path }) : t("tool.memory.view_all");
  if (tool === "memory" && fields.command === "delete") return t("tool.memory.delete", { path });
  if (tool === "memory") return t("tool.memory.write", { path });
  if (tool === "memory_search") return t("tool.memory_search", { query: String(fields.query ?? "") });
  if (tool === "time_now") return t("tool.time_now", { zone: String(fields.timezone ?? "") });
  return t("tool.other", { tool });
}
