// How long the model may think in this chat. Only Anthropic's models can be told.
import { useQuery } from "@tanstack/react-query";
import { providerQuery } from "../../api/queries";
import type { Effort } from "../../api/types";
import "../../i18n/chat";
import { type Key, t } from "../../i18n/t";

const CHOICES: Record<Effort, Key> = { quick: "chat.thinking.quick", normal: "chat.thinking.normal", thorough: "chat.thinking.thorough" };

export function ThinkingTime({ value, onChange }: { value: Effort; onChange: (effort: Effort) => void }) {
  const { data: provider } = useQuery(providerQuery);
  if (provider?.provider !== "anthropic") return null;
  return (
    <select
      aria-label={t("chat.thinking")}
      title={t("chat.thinking.hint")}
      value={value}
      onChange={(event) => onChange(event.target.value as Effort)}
      className="tap min-h-9 max-w-32 rounded-md bg-transparent px-1 text-[12.5px] text-ink-2 hover:bg-sunken hover:text-ink"
    >
      {(Object.keys(CHOICES) as Effort[]).map((effort) => (
        <option key={effort} value={effort}>
          {t(CHOICES[effort])}
        </option>
      ))}
    </select>
  );
}
