// How full the model's window is, once it is worth knowing.
import type { Context } from "../../api/types";
import "../../i18n/chat";
import { t } from "../../i18n/t";

/** Below this nobody needs to know. */
const WORTH_SAYING = 0.5;

export function ContextGauge({ gauge }: { gauge: Context["gauge"] | undefined }) {
  const share = gauge ? Math.min(1, gauge.used / Math.max(1, gauge.limit)) : 0;
  if (share <= WORTH_SAYING) return null;
  return (
    <span className="num whitespace-nowrap" title={t("chat.context.hint")}>
      {t("chat.context", { share })} ·{" "}
    </span>
  );
}
