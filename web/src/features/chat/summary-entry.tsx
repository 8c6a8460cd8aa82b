// Where the beginning of a long chat was summarised: a quiet line behind the last message that the summary stands for.
import type { Summary } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";
import { RailEntry } from "../../ui/rail/rail";
import { When } from "../../ui/time";

export function SummaryEntry({ summary }: { summary: Summary }) {
  return (
    <RailEntry mark="plain" isSmall className="rail-line pb-6">
      <details className="text-[14px] text-ink-2">
        <summary className="tap flex w-fit items-center rounded-md px-1 hover:text-ink">{t("chat.summary")}</summary>
        <p className="mt-1 whitespace-pre-wrap">{summary.text}</p>
        <p className="mt-1 text-[12.5px] text-ink-3">
          {t("chat.summary.of", { count: summary.messages.length })} · <When at={summary.created} />
        </p>
      </details>
    </RailEntry>
  );
}
